import { busMigrations, startRelay } from "@agentmesh/bus";
import { openDatabase, type Transaction } from "@agentmesh/postgres";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import { openResources, resourceMigrations, type StoredResource } from "@agentmesh/resources";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import type { OrchestratorConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { bindWaits } from "./engine/bind-waits.ts";
import { startDispatcher } from "./engine/dispatcher.ts";
import { createEngine } from "./engine/engine.ts";
import { openHints } from "./engine/hints.ts";
import { createOffers } from "./engine/offers.ts";
import { createPast } from "./engine/past.ts";
import { startRetention } from "./engine/retention.ts";
import { startSignals } from "./engine/run-signals.ts";
import { sendBack } from "./engine/send-back.ts";
import { startSweep } from "./engine/sweep.ts";
import { handlers } from "./handlers/index.ts";
import { resourceKinds } from "./kinds.ts";
import { createOrchestratorMetrics } from "./metrics.ts";
import { startScaling } from "./scaling/start-scaling.ts";
import { openSnapshots } from "./snapshots.ts";
import { createDefinitions } from "./store/definitions.ts";
import { createScopes } from "./store/load-parts.ts";
import { createUndoOrder } from "./store/undo-order.ts";
import { bindTrigger } from "./triggers/bind-trigger.ts";
import { runSchedules } from "./triggers/run-schedules.ts";
import { runTriggers } from "./triggers/run-triggers.ts";
import { runWaits } from "./triggers/run-waits.ts";
import { openWebhookSecrets } from "./triggers/webhook-secrets.ts";

const service = "orchestrator";
const ownMigrations = { name: service, folder: new URL("../migrations/", import.meta.url) };

async function bind(tx: Transaction, row: StoredResource): Promise<void> {
  await bindTrigger(tx, row);
  await bindWaits(tx, row);
}

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
  const resources = stack.use(await openResources({ service, db, bus, kinds, onChange: bind }));
  const metrics = createOrchestratorMetrics(base.metrics);
  const { credit, sweepEveryMs } = config.engine;
  const dispatcher = stack.use(startDispatcher({ bus, db, metrics, credit, everyMs: sweepEveryMs }));
  const definitions = createDefinitions();
  let wakeSignals = () => {};
  const context: Context = {
    config,
    log,
    metrics,
    db,
    bus,
    definitions,
    dispatcher,
    offers: createOffers((worker, steps) => void sendBack(context, worker, steps)),
    hints: stack.use(openHints(bus)),
    past: createPast(),
    scopes: createScopes(),
    undoOrder: createUndoOrder(),
    knows: (tenant, { kind, name }) =>
      kind === "workflow" ? undefined : snapshots.has(kind === "agent" ? "Agent" : "Tool", tenant, name),
    wakeSignals: () => wakeSignals(),
    ...overrides,
  };
  stack.use(startSweep(context));
  const signals = stack.use(startSignals(context));
  wakeSignals = signals.wake;
  stack.use(startRetention(context));
  stack.use(runTriggers(context, snapshots));
  stack.use(runSchedules(context, snapshots));
  stack.use(runWaits(context, snapshots));
  stack.use(await startScaling(context, base.metrics));
  const engine = createEngine(context);
  const secrets = openWebhookSecrets(config.webhooks.secretsDir, log);
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(orchestratorContract, handlers(context, engine, resources, { snapshots, secrets }))],
      trust: { workload: base.workload, tokens: base.tokens },
      log,
      metrics: base.metrics,
    }),
  );
  // Before the server waits for its streams to end.
  stack.defer(() => context.offers.close());
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
