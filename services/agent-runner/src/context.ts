import type { Bus } from "@agentmesh/bus";
import type { Database, GroupCommit } from "@agentmesh/postgres";
import type { authContract } from "@agentmesh/proto/auth.contract";
import type { cacheContract } from "@agentmesh/proto/cache.contract";
import type { costContract } from "@agentmesh/proto/cost.contract";
import type { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Client } from "@agentmesh/rpc";
import type { Logger } from "@agentmesh/telemetry";
import type { AgentRunnerConfig } from "./config.ts";
import type { RunnerMetrics } from "./metrics.ts";
import type { Directory } from "./open-directory.ts";
import type { Models } from "./providers/open-models.ts";
import type { AgentPools } from "./run/agent-pools.ts";
import type { InFlight } from "./run/in-flight.ts";
import type { EndedRun } from "./run/store-runs.ts";
import type { DataPolicies } from "./watch-data-policies.ts";

export type Context = {
  readonly config: AgentRunnerConfig;
  readonly log: Logger;
  readonly measured: RunnerMetrics;
  readonly bus: Bus;
  readonly db: Database;
  readonly directory: Directory;
  readonly models: Models;
  readonly policies: DataPolicies;
  readonly pools: AgentPools;
  /** Runs and what they leave to do after their reply; awaited before the database is closed. */
  readonly inFlight: InFlight;
  /** One transaction for all runs that end while the last one commits. */
  readonly storeRun: GroupCommit<EndedRun, true>;
  readonly peers: {
    readonly auth: Client<typeof authContract>;
    readonly cache: Client<typeof cacheContract>;
    readonly cost: Client<typeof costContract>;
    readonly orchestrator: Client<typeof orchestratorContract>;
  };
};
