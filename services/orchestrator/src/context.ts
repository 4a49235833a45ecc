import type { Bus } from "@agentmesh/bus";
import type { Database } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { OrchestratorConfig } from "./config.ts";
import type { Dispatcher } from "./engine/dispatcher.ts";
import type { OrchestratorMetrics } from "./metrics.ts";
import type { Definitions } from "./store/definitions.ts";

/** What every function of the service is given. */
export type Context = {
  readonly config: OrchestratorConfig;
  readonly log: Logger;
  readonly metrics: OrchestratorMetrics;
  readonly db: Database;
  readonly bus: Bus;
  readonly definitions: Definitions;
  readonly dispatcher: Dispatcher;
};
