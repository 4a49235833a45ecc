import type { Metrics } from "@agentmesh/telemetry";
import type { Veto } from "./domain/questions/compare-questions.ts";

export type CacheMetrics = {
  looked(tier: "l1" | "l2" | "semantic" | "none"): void;
  stored(outcome: "stored" | "too_large" | "no_epoch" | "l1_only"): void;
  degraded(operation: "lookup" | "store" | "semantic"): void;
  /** A miss in single flight: makes the answer, waits for it, or makes its own. */
  joined(as: "lead" | "wait" | "alone"): void;
  /** A neighbour that was alike and yet asks something else. */
  vetoed(reason: Veto): void;
};

export function cacheMetrics(metrics: Metrics): CacheMetrics {
  const lookups = metrics.counter("agentmesh_cache_lookups_total", "Lookups by the tier that answered", ["tier"]);
  const stores = metrics.counter("agentmesh_cache_stores_total", "Answers offered, by outcome", ["outcome"]);
  const degraded = metrics.counter("agentmesh_cache_degraded_total", "Calls served without a part", ["operation"]);
  const flights = metrics.counter("agentmesh_cache_flights_total", "Misses in single flight", ["as"]);
  const vetoes = metrics.counter("agentmesh_cache_vetoes_total", "Like questions that were refused", ["reason"]);
  // Bound once: to look labels up by value for each look-up takes longer than to count it.
  const looked = {
    l1: lookups.labels({ tier: "l1" }),
    l2: lookups.labels({ tier: "l2" }),
    semantic: lookups.labels({ tier: "semantic" }),
    none: lookups.labels({ tier: "none" }),
  };
  return {
    looked: (tier) => looked[tier].inc(),
    stored: (outcome) => stores.inc({ outcome }),
    degraded: (operation) => degraded.inc({ operation }),
    joined: (as) => flights.inc({ as }),
    vetoed: (reason) => vetoes.inc({ reason }),
  };
}
