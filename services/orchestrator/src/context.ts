import type { Bus } from "@agentmesh/bus";
import type { Database } from "@agentmesh/postgres";
import type { Logger } from "@agentmesh/telemetry";
import type { OrchestratorConfig } from "./config.ts";
import type { Work } from "./domain/environment.ts";
import type { Dispatcher } from "./engine/dispatcher.ts";
import type { Hints } from "./engine/hints.ts";
import type { Offers } from "./engine/offers.ts";
import type { Past } from "./engine/past.ts";
import type { OrchestratorMetrics } from "./metrics.ts";
import type { Definitions } from "./store/definitions.ts";
import type { Scopes } from "./store/load-parts.ts";
import type { UndoOrder } from "./store/undo-order.ts";

/** What every function of the service is given. */
export type Context = {
  readonly config: OrchestratorConfig;
  readonly log: Logger;
  readonly metrics: OrchestratorMetrics;
  readonly db: Database;
  readonly bus: Bus;
  readonly definitions: Definitions;
  readonly dispatcher: Dispatcher;
  readonly offers: Offers;
  readonly hints: Hints;
  /** What was learned of steps and of those who do them. */
  readonly past: Past;
  readonly scopes: Scopes;
  readonly undoOrder: UndoOrder;
  /** Whether a tenant has such an agent or tool; undefined: nobody knows. */
  knows(tenant: string, work: Work): boolean | undefined;
  /** Signals were committed: they are drained now. */
  wakeSignals(): void;
};
