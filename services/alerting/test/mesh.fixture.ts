// One environment of the service's tests: callers, a publisher of other services' events, and replicas to start.
import { connectBus, eventSubject } from "@agentmesh/bus";
import { type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { alertingContract } from "@agentmesh/proto/alerting.contract";
import { agentRunCompletedEvent } from "@agentmesh/proto/runner.contract";
import type { Client } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { headers } from "@nats-io/transport-node";
import type { AlertingConfig } from "../src/config.ts";
import { startAlerting } from "../src/service.ts";

type Published<T> = {
  readonly type: string;
  readonly publisher: string;
  readonly message: { encode(message: T): { finish(): Uint8Array }; fromPartial(partial: Partial<T>): T };
};

export type TestMesh = AsyncDisposable & {
  readonly environment: TestEnvironment;
  readonly callers: TestCallers;
  config(): AlertingConfig;
  start(): Promise<Running & { readonly client: Client<typeof alertingContract> }>;
  publish<T>(
    event: Published<T>,
    tenant: string,
    data: Partial<T>,
    options?: { id?: string; at?: Date },
  ): Promise<void>;
  /** Runs of an agent, some of them failed. */
  runs(tenant: string, agent: string, counts: { good?: number; bad?: number; durationMs?: number }): Promise<void>;
  /** How many events of a type alerting published for a tenant. */
  emitted(tenant: string, type: string): Promise<number>;
  /** A token of a tenant's operator. */
  operator(tenant: string, subject?: string): Promise<string>;
};

export const SECRET = "a secret that only the receiver knows";

export async function testMesh(): Promise<TestMesh> {
  await using stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("alerting", { redis: false }));
  const callers = stack.use(await testCallers(environment));
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const bus = stack.use(
    await connectBus({ url: environment.natsUrl, service: "test", log, metrics: createMetrics({}) }),
  );
  const config = (): AlertingConfig => ({
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
    postgres: { url: environment.postgresUrl, maxConnections: 10 },
    evaluation: { everyMs: 100, leaseMs: 1000 },
    webhooks: { timeoutMs: 1000, attempts: 40, retryMs: 50, maxRetryMs: 200, reach: "auto" },
    retention: { alertsDays: 90, sweepMs: 1000 },
    secrets: new Map([["WEBHOOK_SECRET_ACME__MAIN", SECRET]]),
  });

  const publish: TestMesh["publish"] = async (event, tenant, data, { id = newId(), at = new Date() } = {}) => {
    const publisher = event.publisher === "*" ? "gateway" : event.publisher;
    const carried = headers();
    const attributes = {
      specversion: "1.0",
      id,
      source: `mesh/${publisher}`,
      type: event.type,
      time: at.toISOString(),
    };
    for (const [name, value] of Object.entries(attributes)) carried.set(`ce-${name}`, value);
    const body = event.message.encode(event.message.fromPartial(data)).finish();
    await bus.js.publish(eventSubject(tenant, publisher, event.type, id), body, { headers: carried });
  };

  const opened = stack.move();
  return {
    environment,
    callers,
    config,
    publish,
    async start() {
      const running = await startAlerting(config());
      return { ...running, client: await callers.client(alertingContract, running.port) };
    },
    async runs(tenant, agent, { good = 0, bad = 0, durationMs = 100 }) {
      const states = [...Array(good).fill("STATE_SUCCEEDED"), ...Array(bad).fill("STATE_FAILED")];
      await Promise.all(
        states.map((state) => publish(agentRunCompletedEvent, tenant, { agent, model: "m", state, durationMs })),
      );
    },
    async emitted(tenant, type) {
      const filter = `evt.${tenant}.alerting.${type}.>`;
      const info = await bus.jsm.streams.info("EVENTS", { subjects_filter: filter });
      return Object.values(info.state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
    },
    operator: (tenant, subject = "user:ops") =>
      callers.token({ tenant, subject, permissions: ["system:config", "system:monitor"] }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
