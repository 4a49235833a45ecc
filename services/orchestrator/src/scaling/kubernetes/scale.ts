import { isAppError } from "@agentmesh/errors";
import { z } from "zod";
import type { KubernetesApi } from "./open-api.ts";

const scaleSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), namespace: z.string(), resourceVersion: z.string() }),
  // The server leaves out a zero.
  spec: z.looseObject({ replicas: z.int().min(0).default(0) }).prefault({}),
  status: z.looseObject({ replicas: z.int().min(0).default(0), selector: z.string().default("") }).prefault({}),
});

export type Scale = z.infer<typeof scaleSchema>;

export type SetOutcome = "applied" | "changed-by-another";

const MAX_TRIES = 4;

export async function readScale(api: KubernetesApi, deployment: string): Promise<Scale> {
  return scaleSchema.parse(await api.get(scalePath(api, deployment)));
}

/**
 * Sets the replicas of a Deployment through its Scale (autoscaling/v1), if they still are `from`. A conflict is read
 * anew: most come from pods that start or end and not from somebody else who scales.
 *
 * @throws AppError of the API server, CONFLICT after 4 tries
 */
export async function setReplicas(
  api: KubernetesApi,
  deployment: string,
  from: number,
  to: number,
): Promise<SetOutcome> {
  for (let tries = 1; ; tries++) {
    const { metadata, spec } = await readScale(api, deployment);
    if (spec.replicas === to) return "applied";
    if (spec.replicas !== from) return "changed-by-another";
    const { name, namespace, resourceVersion } = metadata;
    try {
      await api.put(scalePath(api, deployment), {
        apiVersion: "autoscaling/v1",
        kind: "Scale",
        metadata: { name, namespace, resourceVersion },
        spec: { replicas: to },
      });
      return "applied";
    } catch (error) {
      if (!isAppError(error) || error.code !== "CONFLICT" || tries >= MAX_TRIES) throw error;
    }
  }
}

function scalePath(api: KubernetesApi, deployment: string): string {
  return `/apis/apps/v1/namespaces/${api.namespace}/deployments/${encodeURIComponent(deployment)}/scale`;
}
