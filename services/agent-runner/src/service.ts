import { busMigrations, startRelay } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import { groupCommit, openDatabase } from "@agentmesh/postgres";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { openResources, resourceMigrations } from "@agentmesh/resources";
import { type ClientOptions, createClient, implement, serve } from "@agentmesh/rpc";
import { type Foundation, openFoundation, type Running } from "@agentmesh/service";
import type { AgentRunnerConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { keepRunning } from "./durable/keep-running.ts";
import { openDurableRuns } from "./durable/runs.ts";
import { openEffects } from "./effects/open-effects.ts";
import { handlers } from "./handlers/index.ts";
import { healthTargets, tenantsUsing } from "./health/health-targets.ts";
import { tellHealth } from "./health/tell-health.ts";
import { type Health, watchHealth } from "./health/watch-health.ts";
import { resourceKinds } from "./kinds.ts";
import { runnerMetrics } from "./metrics.ts";
import { type Directory, openDirectory } from "./open-directory.ts";
import { type Breakers, openBreakers } from "./providers/open-breakers.ts";
import { openModels } from "./providers/open-models.ts";
import { type AgentPools, createAgentPools, poolKey } from "./run/agent-pools.ts";
import { auditActions } from "./run/audit-actions.ts";
import { trackInFlight } from "./run/in-flight.ts";
import { usualMiddleware } from "./run/middleware.ts";
import { type Optimiser, startOptimiser } from "./run/start-optimiser.ts";
import { storeAnswers } from "./run/store-answers.ts";
import { storeRuns } from "./run/store-runs.ts";
import { startRetention } from "./start-retention.ts";
import { builtinFunctions } from "./tools/functions/builtin.ts";
import { openMcpSessions } from "./tools/mcp/open-mcp-sessions.ts";
import { openHttpCaller } from "./tools/open-http-caller.ts";
import { watchDataPolicies } from "./watch-data-policies.ts";
import { startWorker } from "./work/start-worker.ts";

// Two, so that the next group's statements run while the last one's commit reaches the disk.
const PARALLEL_COMMITS = 2;
const ANSWERS_A_CALL = 100;
// A store waits for the embedder where the cache has one.
const PARALLEL_STORES = 8;

export async function startAgentRunner(config: AgentRunnerConfig, overrides: Partial<Context> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "agent-runner"));
  const db = stack.use(
    await openDatabase({
      ...config.postgres,
      schema: "agent_runner",
      migrations: [
        busMigrations,
        resourceMigrations,
        { name: "agent-runner", folder: new URL("../migrations/", import.meta.url) },
      ],
      log: base.log,
    }),
  );
  stack.use(startRelay(base.bus, db));
  const pools = createAgentPools(config.pool);
  const trims: (() => void)[] = [pools.trim];
  const optimiser = stack.use(openOptimiser(config, base, pools, trims));
  const { measured } = optimiser;
  const breakers = stack.use(openBreakers(base.bus, measured.breakerChanged));
  const models = stack.use(await openModels(config.models, breakers));
  const http = stack.use(openHttpCaller(config.httpTools));
  const mcp = stack.use(openMcpSessions({ commands: config.mcp.commands, http }));
  const tool = (tenant: string, name: string) => directory.tool(tenant, name);
  const effects = openEffects({ db, log: base.log, measured, tool });
  const ports = { http, mcp, functions: overrides.functions ?? builtinFunctions, effects };
  const kinds = resourceKinds(models, ports);
  const resources = stack.use(await openResources({ service: "agent-runner", db, bus: base.bus, kinds }));
  const directory: Directory = stack.use(await openDirectory(base.bus, ports));
  const health = stack.use(openHealth(base, { config, db, directory, models, breakers, pools, measured }));
  auditOptimiser(optimiser, base, { db, directory, models });
  const peers = openPeers(config, base, stack);
  const context: Context = {
    config,
    log: base.log,
    measured,
    bus: base.bus,
    db,
    directory,
    effects,
    models,
    functions: ports.functions,
    policies: stack.use(watchDataPolicies(base.bus)),
    middleware: usualMiddleware(base.log, measured),
    reservationOf: ({ provider, fullName }, { tenant, name }) =>
      health.isHealthy(provider)
        ? optimiser.reservationOf(fullName, poolKey(tenant, name))
        : `${provider} does not answer probes`,
    accounts: optimiser.accounts,
    pools,
    durable: stack.use(openDurableRuns({ bus: base.bus, db, log: base.log })),
    peers,
    inFlight: stack.use(trackInFlight()),
    storeRun: groupCommit({
      name: "agent runs",
      concurrency: PARALLEL_COMMITS,
      commit: (ended) => storeRuns(db, ended),
    }),
    storeAnswer: groupCommit({
      name: "answers for the cache",
      maxItems: ANSWERS_A_CALL,
      concurrency: PARALLEL_STORES,
      commit: (kept) => storeAnswers(peers.cache, kept),
    }),
    ...overrides,
  };
  trims.push(directory.trim);
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(runnerContract, handlers(context, resources))],
      trust: base,
      log: base.log,
      metrics: base.metrics,
    }),
  );
  stack.use(startWorker(context, base.tokens));
  await context.policies.heard();
  stack.use(await keepRunning(context, base.tokens));
  stack.use(startRetention(context));
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function openOptimiser(
  { optimiser }: AgentRunnerConfig,
  { log, metrics }: Foundation,
  pools: AgentPools,
  trims: readonly (() => void)[],
): Optimiser {
  return startOptimiser({
    ...optimiser,
    measured: runnerMetrics(metrics),
    log,
    trimCaches() {
      for (const trim of trims) trim();
    },
    setConcurrency: pools.scale,
    setAgentConcurrency: pools.scaleAgent,
  });
}

function auditOptimiser(
  optimiser: Optimiser,
  { log }: Foundation,
  { db, directory, models }: Pick<Context, "db" | "directory" | "models">,
): void {
  const byModel = (fullName: string) => tenantsUsing({ directory, models }, (model) => model.fullName === fullName);
  optimiser.listen((actions, { agents }) => {
    const all = [...new Set(agents.map(({ agent }) => agent.split("/")[0] ?? ""))];
    auditActions(db, actions, { byModel, all }).catch((error) =>
      log.warn({ reason: describeError(error) }, "the audit lacks what the optimiser did"),
    );
  });
}

type Watched = Pick<Context, "config" | "db" | "directory" | "models" | "pools" | "measured"> & {
  readonly breakers: Breakers;
};

function openHealth({ log, admin }: Foundation, watched: Watched): Health {
  const { config, db, measured } = watched;
  const tenantsOf = (provider: string) => tenantsUsing(watched, (model) => model.provider === provider);
  const health = watchHealth({
    ...config.health,
    log,
    targets: healthTargets(watched),
    onProbed({ kind, tenant, name }, isHealthy) {
      if (kind === "provider") measured.providerHealth(name, isHealthy);
      else measured.agentHealth(tenant, name, isHealthy);
    },
    onChanges: (changes) => tellHealth(db, changes, tenantsOf, new Date()),
  });
  admin.addDetail(health.describe);
  return health;
}

function openPeers(
  { peers, balance }: AgentRunnerConfig,
  { workload, metrics }: Foundation,
  stack: AsyncDisposableStack,
): Context["peers"] {
  const optionsOf = (target: keyof AgentRunnerConfig["peers"]): ClientOptions => ({
    address: peers[target],
    workload,
    balance: { policy: "round_robin", ...balance[target], target, metrics },
  });
  return {
    auth: stack.use(createClient(authContract, optionsOf("auth"))),
    cache: stack.use(createClient(cacheContract, optionsOf("cache"))),
    cost: stack.use(createClient(costContract, optionsOf("cost"))),
    orchestrator: stack.use(createClient(orchestratorContract, optionsOf("orchestrator"))),
  };
}
