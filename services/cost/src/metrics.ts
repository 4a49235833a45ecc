import type { Metrics } from "@agentmesh/telemetry";

export type CostMetrics = ReturnType<typeof costMetrics>;

const NANO = 1e9;

/** Business figures of the service, one function an event. */
export function costMetrics(metrics: Metrics) {
  const holds = metrics.counter("agentmesh_cost_holds_total", "Holds by outcome", ["outcome"]);
  const spend = metrics.counter("agentmesh_cost_usd_total", "Money in the ledger, USD", ["provider", "model", "kind"]);
  const saved = metrics.counter("agentmesh_cost_saved_usd_total", "Money that cache hits spared, USD", ["model"]);
  return {
    held: (outcome: "granted" | "clamped" | "refused") => holds.inc({ outcome }),
    charged(provider: string, model: string, kind: "settled" | "estimated", costNanoUsd: bigint) {
      spend.inc({ provider, model, kind }, Number(costNanoUsd) / NANO);
    },
    spared: (model: string, savedNanoUsd: bigint) => saved.inc({ model }, Number(savedNanoUsd) / NANO),
  };
}
