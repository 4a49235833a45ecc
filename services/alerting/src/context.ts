import type { Database } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { AlertingConfig } from "./config.ts";
import type { Lease } from "./lease.ts";
import type { AlertingMetrics } from "./metrics.ts";

export type Context = {
  readonly config: AlertingConfig;
  readonly log: Logger;
  readonly db: Database;
  readonly metrics: AlertingMetrics;
  /** Held by the one replica that evaluates, sends and sweeps. */
  readonly lease: Lease;
};
