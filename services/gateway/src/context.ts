import type { TokenVerifier } from "@agentmesh/identity";
import type { RawClient } from "@agentmesh/rpc";
import type { Logger, Metrics } from "@agentmesh/telemetry";
import type { FairQueue } from "./admission/fair-queue.ts";
import type { Trail } from "./audit/trail.ts";
import type { BudgetStates } from "./budget-states.ts";
import type { Callers } from "./callers/identify.ts";
import type { GatewayConfig, LimitFigures } from "./config.ts";
import type { DataPolicies } from "./data-policies.ts";
import type { Descriptors } from "./descriptors.ts";
import type { EdgeEvents } from "./events/publish.ts";
import type { LocalHandler } from "./handlers/index.ts";
import type { Limiter } from "./limits/limiter.ts";
import type { McpCalls } from "./mcp/calls.ts";
import type { Edge } from "./metrics.ts";
import type { Exchange } from "./pipeline/exchange.ts";
import type { StoredReplies } from "./stored-replies.ts";

export type Context = {
  readonly config: GatewayConfig;
  readonly figures: LimitFigures;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly edge: Edge;
  readonly tokens: TokenVerifier;
  readonly descriptors: Descriptors;
  /** Paths of methods whose messages hold secrets. */
  readonly secrets: ReadonlySet<string>;
  readonly callers: Callers;
  readonly policies: DataPolicies;
  readonly budgets: BudgetStates;
  readonly limiter: Limiter;
  readonly admission: FairQueue;
  readonly replies: StoredReplies;
  readonly mcpCalls: McpCalls;
  readonly trail: Trail;
  readonly events: EdgeEvents;
  /** By service. */
  readonly upstreams: ReadonlyMap<string, RawClient>;
  /** Methods the gateway serves itself, by path. */
  readonly local: ReadonlyMap<string, LocalHandler>;
  /** Sees every exchange when it is over. */
  readonly onExchange: (exchange: Exchange) => void;
};
