import type { Database, GroupCommit } from "@agentmesh/postgres";
import type { HoldReply, HoldRequest } from "@agentmesh/proto/cost";
import type { Logger } from "@agentmesh/telemetry";
import type { CostConfig } from "./config.ts";
import type { PriceBook } from "./domain/price.ts";
import type { CostMetrics } from "./metrics.ts";

export type Context = {
  readonly config: CostConfig;
  readonly log: Logger;
  readonly db: Database;
  readonly metrics: CostMetrics;
  /** The price of a model now. @throws AppError FAILED_PRECONDITION (UNKNOWN_PRICE) */
  readonly prices: PriceBook;
  /** Holds that arrive together are decided in one transaction. */
  readonly hold: GroupCommit<HoldRequest, HoldReply>;
};
