import type { Metrics } from "@agentmesh/telemetry";

export type CacheMetrics = {
  looked(tier: "l1" | "l2" | "none"): void;
  stored(outcome: "stored" | "too_large" | "no_epoch" | "l1_only"): void;
  degraded(operation: "lookup" | "store"): void;
};

export function cacheMetrics(metrics: Metrics): CacheMetrics {
  const lookups = metrics.counter("agentmesh_cache_lookups_total", "Lookups by the tier that answered", ["tier"]);
  const stores = metrics.counter("agentmesh_cache_stores_total", "Answers offered, by outcome", ["outcome"]);
  const degraded = metrics.counter("agentmesh_cache_degraded_total", "Calls served without Redis", ["operation"]);
  return {
    looked: (tier) => lookups.inc({ tier }),
    stored: (outcome) => stores.inc({ outcome }),
    degraded: (operation) => degraded.inc({ operation }),
  };
}
