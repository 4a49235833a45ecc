import { busMigrations, startRelay } from "@agentmesh/bus";
import { openDatabase } from "@agentmesh/postgres";
import { alertingContract } from "@agentmesh/proto/alerting.contract";
import { openResources, resourceMigrations } from "@agentmesh/resources";
import { implement, serve } from "@agentmesh/rpc";
import { openFoundation, type Running } from "@agentmesh/service";
import type { AlertingConfig } from "./config.ts";
import type { Context } from "./context.ts";
import { evaluate } from "./evaluate.ts";
import { consumeAll } from "./events/consume.ts";
import { handlers } from "./handlers/index.ts";
import { alertingKinds } from "./kinds.ts";
import { openLease } from "./lease.ts";
import { alertingMetrics } from "./metrics.ts";
import { declaredReader } from "./read-declared.ts";
import { windowReader } from "./read-windows.ts";
import { repeat } from "./repeat.ts";
import { startSender } from "./send-notifications.ts";
import { startSweep } from "./sweep.ts";

export async function startAlerting(config: AlertingConfig, overrides: Partial<Context> = {}): Promise<Running> {
  await using stack = new AsyncDisposableStack();
  const base = stack.use(await openFoundation(config, "alerting"));
  const { log, bus } = base;
  const db = stack.use(
    await openDatabase({
      ...config.postgres,
      schema: "alerting",
      migrations: [
        busMigrations,
        resourceMigrations,
        { name: "alerting", folder: new URL("../migrations/", import.meta.url) },
      ],
      log,
    }),
  );
  stack.use(startRelay(bus, db));
  const resources = stack.use(await openResources({ service: "alerting", db, bus, kinds: alertingKinds(config) }));
  const metrics = alertingMetrics(base.metrics);
  const lease = stack.use(openLease({ db, ttlMs: config.evaluation.leaseMs, log, metrics }));
  const context: Context = { config, log, db, metrics, lease, ...overrides };
  for (const consumer of consumeAll(bus, context)) stack.use(consumer);
  stack.use(startSweep(context));
  const sender = stack.use(startSender(context));
  const read = { declared: declaredReader(db, log), windows: windowReader(db) };
  stack.use(
    repeat({
      name: "evaluation",
      everyMs: config.evaluation.everyMs,
      log,
      run: async () => {
        if (await evaluate(context, read, new Date())) sender.wake();
      },
    }),
  );
  const server = stack.use(
    await serve({
      host: config.listen.host,
      port: config.listen.grpcPort,
      implementations: [implement(alertingContract, handlers(context, resources))],
      trust: base,
      log,
      metrics: base.metrics,
    }),
  );
  base.admin.setReady(true);
  stack.defer(() => base.admin.setReady(false));
  const opened = stack.move();
  return { port: server.port, adminPort: base.admin.port, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
