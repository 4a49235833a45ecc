// Replicas of the scaling loop in this process, with real PostgreSQL and NATS and an API server of the test.
import { busMigrations, connectBus } from "@agentmesh/bus";
import { testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger, createMetrics, type Logger } from "@agentmesh/telemetry";
import type { z } from "zod";
import { configSchema } from "../src/config.ts";
import type { scalingSettings } from "../src/scaling/settings.ts";
import { startScaling } from "../src/scaling/start-scaling.ts";

export type LoggedDecision = {
  deployment: string;
  replicas: number;
  target: number;
  outcome: string;
  reasons: string[];
};

export type Replica = AsyncDisposable & {
  readonly decisions: LoggedDecision[];
  /** The value of a line of /metrics that has all these labels; undefined: there is none. */
  metric(name: string, labels?: Record<string, string>): Promise<number | undefined>;
};

export async function openScalingWorld() {
  await using stack = new AsyncDisposableStack();
  const env = stack.use(await testEnvironment("orchestrator", { redis: false }));
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const own = { name: "orchestrator", folder: new URL("../migrations/", import.meta.url) };
  const db = stack.use(
    await openDatabase({
      url: env.postgresUrl,
      schema: "orchestrator",
      migrations: [busMigrations, resourceMigrations, own],
      log,
    }),
  );
  const bus = stack.use(
    await connectBus({ url: env.natsUrl, service: "orchestrator", log, metrics: createMetrics({}) }),
  );
  await bus.ensureStreams();
  const opened = stack.move();
  return {
    env,
    db,
    bus,
    /** The addresses of steps that no runner takes. */
    async queue(steps: number): Promise<void> {
      const sent = Array.from({ length: steps }, () =>
        bus.publish("wf.step.acme", new Uint8Array([1]), { messageId: newId() }),
      );
      await Promise.all(sent);
    },
    async replica(settings: z.input<typeof scalingSettings>): Promise<Replica> {
      const decisions: LoggedDecision[] = [];
      const registry = createMetrics({});
      const config = configSchema.parse({
        listen: { grpcPort: 0, adminPort: 0 },
        nats: { url: env.natsUrl },
        workload: { keyFile: env.workloadKeyFile, trustFile: env.workloadTrustFile },
        log: {},
        tracing: {},
        postgres: { url: env.postgresUrl },
        scaling: { everyMs: 50, ...settings },
      });
      const running = await startScaling({ config, db, bus, log: recording(log, decisions) }, registry);
      return {
        decisions,
        async metric(name, labels = {}) {
          const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
          const lines = (await registry.render()).split("\n");
          const line = lines.find(
            (text) =>
              (text.startsWith(`${name} `) || text.startsWith(`${name}{`)) &&
              wanted.every((part) => text.includes(part)),
          );
          return line === undefined ? undefined : Number(line.split(" ").at(-1));
        },
        [Symbol.asyncDispose]: () => running[Symbol.asyncDispose](),
      };
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function recording(log: Logger, decisions: object[]): Logger {
  return {
    ...log,
    debug: () => undefined,
    warn: () => undefined,
    error: (fields, message) => log.error(fields, message),
    info(fields, message) {
      if (message === "scaling decided") decisions.push(fields);
    },
  };
}
