// Replicas of the orchestrator in this process, with real PostgreSQL and NATS, and what a test needs to speak to them.
import { type Bus, connectBus } from "@agentmesh/bus";
import { type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import type { Run } from "@agentmesh/proto/orchestrator";
import { orchestratorContract } from "@agentmesh/proto/orchestrator.contract";
import type { Client } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import type { OrchestratorConfig } from "../src/config.ts";
import { startOrchestrator } from "../src/service.ts";

export type Orchestrator = Client<typeof orchestratorContract>;

export type Mesh = AsyncDisposable & {
  readonly env: TestEnvironment;
  readonly callers: TestCallers;
  readonly bus: Bus;
  /** As many as asked for; the first is `ports[0]`. */
  readonly ports: readonly number[];
  /** As the gateway, at the first replica unless said otherwise. */
  client(replica?: number): Promise<Orchestrator>;
  runner(replica?: number): Promise<Orchestrator>;
  readonly token: string;
  apply(kind: string, name: string, spec: object): Promise<void>;
  start(workflow: string, input?: object, more?: object): Promise<Run>;
  run(id: string): Promise<Run>;
  startReplica(): Promise<Running>;
};

export type MeshOptions = {
  replicas?: number;
  engine?: Partial<OrchestratorConfig["engine"]>;
  secretsDir?: string;
  /** Before the first replica starts. */
  prepare?: (env: TestEnvironment) => Promise<void>;
};

export const operator = { permissions: ["agent:execute", "agent:read", "agent:create"] };

export async function startMesh(options: MeshOptions = {}): Promise<Mesh> {
  const { replicas = 2, engine = {}, secretsDir = "", prepare } = options;
  await using stack = new AsyncDisposableStack();
  const env = stack.use(await testEnvironment("orchestrator", { redis: false }));
  await prepare?.(env);
  const callers = stack.use(await testCallers(env));
  const config: OrchestratorConfig = {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: env.natsUrl },
    workload: { keyFile: env.workloadKeyFile, trustFile: env.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
    postgres: { url: env.postgresUrl, maxConnections: 10 },
    engine: { leaseMs: 30_000, redispatchAfterMs: 30_000, credit: 1000, sweepEveryMs: 100, maxTakeovers: 5, ...engine },
    webhooks: { secretsDir },
    retention: {
      eventDays: 30,
      runDays: 30,
      archiveDays: 365,
      rejectionDays: 30,
      arrivedDays: 7,
      everyMs: 60_000,
    },
  };
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const ports: number[] = [];
  for (let replica = 0; replica < replicas; replica++) {
    const running = stack.use(await startOrchestrator(config));
    ports.push(running.port);
  }
  const bus = stack.use(
    await connectBus({ url: env.natsUrl, service: "agent-runner", log, metrics: createMetrics({}) }),
  );
  const token = await callers.token({ ...operator, ttlS: 3600 });
  const portOf = (replica: number) => ports[replica % ports.length] ?? 0;
  const client = await callers.client(orchestratorContract, portOf(0));
  const opened = stack.move();
  return {
    env,
    callers,
    bus,
    ports,
    token,
    client: (replica = 0) => callers.client(orchestratorContract, portOf(replica)),
    runner: (replica = 0) => callers.client(orchestratorContract, portOf(replica), "agent-runner"),
    async apply(kind, name, spec) {
      await client.applyResource({ kind, name, spec }, { token });
    },
    start: (workflow, input = {}, more = {}) => client.startWorkflow({ workflow, input, ...more }, { token }),
    run: (id) => client.getRun({ id }, { token }),
    startReplica: () => startOrchestrator(config),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
