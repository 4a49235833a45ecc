import type { Bus } from "@agentmesh/bus";
import type { Database, GroupCommit } from "@agentmesh/postgres";
import type { authContract } from "@agentmesh/proto/auth.contract";
import type { cacheContract } from "@agentmesh/proto/cache.contract";
import type { costContract } from "@agentmesh/proto/cost.contract";
import type { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Client } from "@agentmesh/rpc";
import type { Logger } from "@agentmesh/telemetry";
import type { AgentRunnerConfig } from "./config.ts";
import type { DurableRuns } from "./durable/runs.ts";
import type { Effects } from "./effects/open-effects.ts";
import type { RunnerMetrics } from "./metrics.ts";
import type { Directory } from "./open-directory.ts";
import type { Model, Models } from "./providers/open-models.ts";
import type { AgentAccounts } from "./run/agent-accounts.ts";
import type { AgentPools } from "./run/agent-pools.ts";
import type { InFlight } from "./run/in-flight.ts";
import type { RunMiddleware } from "./run/middleware.ts";
import type { KeptAnswer } from "./run/store-answers.ts";
import type { EndedRun } from "./run/store-runs.ts";
import type { Functions } from "./tools/functions/define-function.ts";
import type { DataPolicies } from "./watch-data-policies.ts";

export type Context = {
  readonly config: AgentRunnerConfig;
  readonly log: Logger;
  readonly measured: RunnerMetrics;
  readonly bus: Bus;
  readonly db: Database;
  readonly directory: Directory;
  readonly effects: Effects;
  readonly models: Models;
  readonly policies: DataPolicies;
  /** What Tools of type `function` may name. */
  readonly functions: Functions;
  /** Around every run, in this order. */
  readonly middleware: readonly RunMiddleware[];
  /** Why an agent should ask a model last: its provider does not answer probes, or it answers slowly. */
  reservationOf(model: Model, agent: { readonly tenant: string; readonly name: string }): string | undefined;
  /** Where runs say what they take. */
  readonly accounts: AgentAccounts;
  readonly pools: AgentPools;
  /** Runs that have a row from their start, as this process knows them. */
  readonly durable: DurableRuns;
  /** Runs and what they leave to do after their reply; awaited before the database is closed. */
  readonly inFlight: InFlight;
  /** One transaction for all runs that end while the last one commits. */
  readonly storeRun: GroupCommit<EndedRun, true>;
  /** One call of the cache for all answers that are ready while the last one is under way. */
  readonly storeAnswer: GroupCommit<KeptAnswer, true>;
  readonly peers: {
    readonly auth: Client<typeof authContract>;
    readonly cache: Client<typeof cacheContract>;
    readonly cost: Client<typeof costContract>;
    readonly orchestrator: Client<typeof orchestratorContract>;
  };
};
