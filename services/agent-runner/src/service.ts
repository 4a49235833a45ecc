import { busMigrations, startRelay } from "@agentmesh/bus";
import { groupCommit, openDatabase } from "@agentmesh/postgres";
import { authContract } from "@agentmesh/proto/auth.contract";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { costContract } from "@agentmesh/proto/cost.contract";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { openResources, resourceMigrations } from "@agentmesh/resources";
import { createClient, implement, serve } from "@agentmesh/rpc";
import { type Foundation, openFoundation, type Running } from "@agentmesh/service";
import type { AgentRunnerConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { keepRunning } from "./durable/keep-running.ts";
import { openDurableRuns } from "./durable/runs.ts";
import { handlers } from "./handlers/index.ts";
import { resourceKinds } from "./kinds.ts";
import { type RunnerMetrics, runnerMetrics } from "./metrics.ts";
import { openDirectory } from "./open-directory.ts";
import { openBreakers } from "./providers/open-breakers.ts";
import { type Models, openModels } from "./providers/open-models.ts";
import { type ProviderHealth, watchHealth } from "./providers/watch-health.ts";
import { createAgentPools } from "./run/agent-pools.ts";
import { trackInFlight } from "./run/in-flight.ts";
import { usualMiddleware } from "./run/middleware.ts";
import { startOptimiser } from "./run/start-optimiser.ts";
import { storeAnswers } from "./run/store-answers.ts";
import { storeRuns } from "./run/store-runs.ts";
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
  const optimiser = stack.use(
    startOptimiser({
      measured: runnerMetrics(base.metrics),
      log: base.log,
      everyMs: config.optimiser.everyMs,
      trimCaches() {
        for (const trim of trims) trim();
      },
      setConcurrency: pools.scale,
    }),
  );
  const { measured } = optimiser;
  const breakers = stack.use(openBreakers(base.bus, measured.breakerChanged));
  const models = stack.use(openModels(config.models, breakers));
  const health = stack.use(openHealth(config, base, models, measured));
  const http = stack.use(openHttpCaller(config.httpTools));
  const mcp = stack.use(openMcpSessions({ commands: config.mcp.commands, http }));
  const ports = { http, mcp, functions: overrides.functions ?? builtinFunctions };
  const kinds = resourceKinds(models, ports);
  const resources = stack.use(await openResources({ service: "agent-runner", db, bus: base.bus, kinds }));
  const peers = openPeers(config, base, stack);
  const context: Context = {
    config,
    log: base.log,
    measured,
    bus: base.bus,
    db,
    directory: stack.use(await openDirectory(base.bus, ports)),
    models,
    functions: ports.functions,
    policies: stack.use(watchDataPolicies(base.bus)),
    middleware: usualMiddleware(base.log, measured),
    reservationOf: ({ provider, fullName }) =>
      health.isHealthy(provider) ? optimiser.reservationOf(fullName) : `${provider} does not answer probes`,
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
  trims.push(context.directory.trim);
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
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

function openHealth(
  config: AgentRunnerConfig,
  { log, admin }: Foundation,
  models: Models,
  measured: RunnerMetrics,
): ProviderHealth {
  const health = watchHealth({
    ...config.health,
    log,
    providers: models.providersInUse,
    onProbed: measured.providerHealth,
  });
  admin.addDetail(health.describe);
  return health;
}

function openPeers(
  { peers }: AgentRunnerConfig,
  { workload }: Foundation,
  stack: AsyncDisposableStack,
): Context["peers"] {
  return {
    auth: stack.use(createClient(authContract, { address: peers.auth, workload })),
    cache: stack.use(createClient(cacheContract, { address: peers.cache, workload })),
    cost: stack.use(createClient(costContract, { address: peers.cost, workload })),
    orchestrator: stack.use(createClient(orchestratorContract, { address: peers.orchestrator, workload })),
  };
}
