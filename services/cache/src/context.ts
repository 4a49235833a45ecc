import type { Bus } from "@agentmesh/bus";
import type { Logger } from "@agentmesh/telemetry";
import type { CacheConfig } from "./config.ts";
import type { Flights } from "./flights/flights.ts";
import type { CacheMetrics } from "./metrics.ts";
import type { SemanticTier } from "./semantic/semantic-tier.ts";
import type { TenantCounts } from "./store/counts.ts";
import type { Epochs } from "./store/epochs.ts";
import type { L1 } from "./store/l1.ts";
import type { L2 } from "./store/l2.ts";

export type Context = {
  readonly config: CacheConfig;
  readonly log: Logger;
  readonly bus: Bus;
  readonly measured: CacheMetrics;
  readonly epochs: Epochs;
  readonly l1: L1;
  readonly l2: L2;
  readonly semantic: SemanticTier;
  readonly flights: Flights;
  readonly counts: TenantCounts;
  /** 0..1. */
  readonly random: () => number;
};
