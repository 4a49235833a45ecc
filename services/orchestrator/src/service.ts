import { busMigrations, startRelay } from "@agentmesh/bus";
import { openDatabase } from "@agentmesh/postgres";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { openResources, resourceMigrations } from "@agentmesh/resources";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import type { OrchestratorConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { startDispatcher } from "./engine/dispatcher.ts";
import { createEngine } from "./engine/engine.ts";
import { startRetention, startSweep } from "./engine/sweep.ts";
import { handlers } from "./handlers/index.ts";
import { resourceKinds } from "./kinds.ts";
import { createOrchestratorMetrics } from "./metrics.ts";
import { openSnapshots } from "./snapshots.ts";
import { createDefinitions } from "./store/definitions.ts";
import { bindTrigger } from "./triggers/bind-trigger.ts";
import { runTriggers } from "./triggers/run-triggers.ts";

const service = "orchestrator";
const ownMigrations = { name: service, folder: new URL("../migrations/", import.meta.url) };

/** Replicas own nothing: any of them advances any run, and adding one is the only scaling step. */
export async function startOrchestrator(
  config: OrchestratorConfig,
  overrides: Partial<Context> = {},
): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, service));
  const { log, bus } = base;
  const db = stack.use(
    await openDatabase({
      url: config.postgres.url,
      schema: service,
      migrations: [busMigrations, resourceMigrations, ownMigrations],
      log,
      maxConnections: config.postgres.maxConnections,
    }),
  );
  stack.use(startRelay(bus, db));
  const snapshots = stack.use(openSnapshots(bus));
  const kinds = resourceKinds(snapshots, log);
  const resources = stack.use(await openResources({ service, db, bus, kinds, onChange: bindTrigger }));
  const metrics = createOrchestratorMetrics(base.metrics);
  const { credit, sweepEveryMs } = config.engine;
  const dispatcher = stack.use(startDispatcher({ bus, db, metrics, credit, everyMs: sweepEveryMs }));
  const definitions = createDefinitions();
  const context: Context = { config, log, metrics, db, bus, definitions, dispatcher, ...overrides };
  stack.use(startSweep(context));
  stack.use(startRetention(context));
  stack.use(runTriggers(context, snapshots));
  const engine = createEngine(context);
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(orchestratorContract, handlers(context, engine, resources))],
      trust: { workload: base.workload, tokens: base.tokens },
      log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
