import { describeError } from "@agentmesh/errors";
import { findAutoscaler } from "./kubernetes/find-autoscaler.ts";
import { type KubernetesApi, openKubernetesApi } from "./kubernetes/open-api.ts";
import { readUsage, type Usage } from "./kubernetes/read-usage.ts";
import { readScale, type SetOutcome, setReplicas } from "./kubernetes/scale.ts";
import type { ScalingSettings } from "./settings.ts";

/** What a cluster says of a deployment, all read in one round. */
export type ClusterView = {
  readonly replicas: number;
  readonly usage: Usage;
  /** Why there is no usage. */
  readonly problem?: string;
  /** Who owns the replicas instead of us; undefined: nobody. */
  readonly autoscaler: string | undefined;
};

export type Cluster = AsyncDisposable & {
  view(deployment: string): Promise<ClusterView>;
  setReplicas(deployment: string, from: number, to: number): Promise<SetOutcome>;
};

/** undefined where there is none. */
export async function openCluster(
  settings: ScalingSettings["kubernetes"],
  stop: AbortSignal,
): Promise<Cluster | undefined> {
  const api = await openKubernetesApi(settings, stop);
  return api && clusterOf(api);
}

function clusterOf(api: KubernetesApi): Cluster {
  return {
    async view(deployment) {
      const scale = await readScale(api, deployment);
      const [autoscaler, usage] = await Promise.all([
        findAutoscaler(api, deployment),
        // Without figures nothing is decided, which the decision says; the rest is known all the same.
        readUsage(api, deployment, scale).catch((error) => ({ problem: describeError(error) })),
      ]);
      const common = { replicas: scale.spec.replicas, autoscaler };
      return "problem" in usage ? { ...common, usage: {}, problem: usage.problem } : { ...common, usage };
    },
    setReplicas: (deployment, from, to) => setReplicas(api, deployment, from, to),
    [Symbol.asyncDispose]: () => api[Symbol.asyncDispose](),
  };
}
