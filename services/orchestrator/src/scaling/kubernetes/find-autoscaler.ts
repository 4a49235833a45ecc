import { isAppError } from "@agentmesh/errors";
import { z } from "zod";
import type { KubernetesApi } from "./open-api.ts";

const listSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string() }),
      spec: z.object({ scaleTargetRef: z.object({ kind: z.string().default("Deployment"), name: z.string() }) }),
    }),
  ),
});

/** The autoscaler that owns a Deployment's replicas, for people: `HorizontalPodAutoscaler/x`; undefined: none. */
export async function findAutoscaler(api: KubernetesApi, deployment: string): Promise<string | undefined> {
  const kinds = [
    { kind: "HorizontalPodAutoscaler", group: "autoscaling/v2", plural: "horizontalpodautoscalers" },
    // KEDA makes an autoscaler of the first kind, but none while it is paused, and the replicas are its own then too.
    { kind: "ScaledObject", group: "keda.sh/v1alpha1", plural: "scaledobjects" },
  ];
  for (const { kind, group, plural } of kinds) {
    const list = await api.get(`/apis/${group}/namespaces/${api.namespace}/${plural}`).catch((error) => {
      // No such kind in this cluster.
      if (isAppError(error) && error.code === "NOT_FOUND") return { items: [] };
      throw error;
    });
    const owner = listSchema
      .parse(list)
      .items.find(({ spec }) => spec.scaleTargetRef.kind === "Deployment" && spec.scaleTargetRef.name === deployment);
    if (owner) return `${kind}/${owner.metadata.name}`;
  }
  return undefined;
}
