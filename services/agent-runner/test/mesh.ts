import { connectBus, publishSnapshots } from "@agentmesh/bus";
import { startCache } from "@agentmesh/cache";
import { startCost } from "@agentmesh/cost";
import { type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { createTokenVerifier, loadWorkloadIdentity } from "@agentmesh/identity";
import { authContract } from "@agentmesh/proto/auth.contract";
import { runnerContract } from "@agentmesh/proto/runner.contract";
import { type Client, type Contract, type Handlers, implement, serve } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { type AgentRunnerConfig, configSchema } from "../src/config.ts";
import { startAgentRunner } from "../src/service.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
export const everything = [
  "agent:create",
  "agent:read",
  "agent:update",
  "agent:execute",
  "system:monitor",
  "system:config",
];

/** The runner with the real cache and the real cost; auth is a stand-in at the wire that signs with the test's key. */
export type TestMesh = {
  readonly environment: TestEnvironment;
  readonly callers: TestCallers;
  readonly runner: Client<typeof runnerContract>;
  readonly running: Running;
  readonly cost: Running;
  readonly addresses: AgentRunnerConfig["peers"];
  startRunner(more?: object): Promise<Running>;
  settings(service: string): ServiceSettings;
};

type ServiceSettings = ReturnType<typeof settingsOf>;

/** Everything is opened on the stack, which the test disposes. */
export async function startTestMesh(stack: AsyncDisposableStack, options: TestMeshOptions = {}): Promise<TestMesh> {
  const environment = stack.use(await testEnvironment("agent-runner"));
  const callers = stack.use(await testCallers(environment));
  await beatDataPolicies(stack, environment);
  const settings = (service: string) => settingsOf(environment, service);
  const costDatabase = stack.use(await testEnvironment("cost", { nats: false, redis: false }));
  const cost = stack.use(
    await startCost({
      ...settings("cost"),
      environment: "test",
      tracing: { otlpEndpoint: "" },
      postgres: { url: costDatabase.postgresUrl, maxConnections: 5 },
      holds: { ttlMs: 60_000, sweepMs: 500 },
      unknownPrice: "refuse",
    }),
  );
  const cache = options.cache === false ? undefined : stack.use(await startTestCache(environment));
  const auth = await serveFake(stack, environment, "auth", authContract, {
    async exchangeToken({ credential, actor }) {
      if (credential?.$case !== "onBehalfOf") throw new Error("the stand-in for auth exchanges subjects only");
      const { tenant, subject } = credential.value;
      const permissions = subject === "user:nobody" ? [] : everything;
      return { token: await callers.token({ tenant, subject, permissions, department: `via ${actor}` }) };
    },
  });
  const addresses = {
    auth: `127.0.0.1:${auth}`,
    cache: `127.0.0.1:${cache?.port ?? 1}`,
    cost: `127.0.0.1:${cost.port}`,
    orchestrator: (await options.orchestrator?.(environment, settings)) ?? "127.0.0.1:1",
  };
  const startRunner = (more: object = {}) =>
    startAgentRunner(
      configSchema.parse({
        ...settings("agent-runner"),
        postgres: { url: environment.postgresUrl, maxConnections: 5 },
        peers: addresses,
        httpTools: { allowPrivateNetworks: true },
        ...options.runner,
        ...more,
      }),
    );
  const running = stack.use(await startRunner());
  const runner = await callers.client(runnerContract, running.port);
  return { environment, callers, runner, running, cost, addresses, startRunner, settings };
}

export type TestMeshOptions = {
  /** More of the runner's settings. */
  readonly runner?: object;
  /** Whether the real cache runs; default true. Without it runs go on uncached. */
  readonly cache?: boolean;
  /** Starts an orchestrator, or what stands in for one, and says where it is. */
  readonly orchestrator?: (environment: TestEnvironment, settings: TestMesh["settings"]) => Promise<string>;
};

function settingsOf(environment: TestEnvironment, service: string) {
  return {
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.keyFileOf(service), trustFile: environment.workloadTrustFile },
    log: { level: "error" as const },
    tracing: {},
  };
}

function startTestCache(environment: TestEnvironment): Promise<Running> {
  return startCache({
    ...settingsOf(environment, "cache"),
    environment: "test",
    tracing: { otlpEndpoint: "" },
    redis: { url: environment.redisUrl, timeoutMs: 250 },
    l1: { maxEntries: 100, maxBytes: 10_000_000, ttlS: 60 },
    l2: { defaultTtlS: 60, maxTtlS: 600, maxValueBytes: 1_000_000, compressAboveBytes: 1_024 },
  });
}

/** Compliance publishes its policies and beats; here there are none and the beat. */
async function beatDataPolicies(stack: AsyncDisposableStack, environment: TestEnvironment): Promise<void> {
  const metrics = createMetrics({});
  const bus = stack.use(await connectBus({ url: environment.natsUrl, service: "compliance", log, metrics }));
  stack.use(await publishSnapshots(bus, "resource_datapolicy", async () => []));
}

/** A stand-in at the wire for a service that is not under test: the real contract, server and rules. */
export async function serveFake<C extends Contract>(
  stack: AsyncDisposableStack,
  environment: TestEnvironment,
  service: string,
  contract: C,
  given: Partial<Handlers<C>>,
): Promise<number> {
  const workload = await loadWorkloadIdentity(environment.keyFileOf(service), environment.workloadTrustFile);
  const tokens = createTokenVerifier({ jwks: () => undefined, audiences: ["mesh"] });
  const methods = Object.fromEntries(Object.entries(contract.methods).filter(([name]) => name in given));
  const server = stack.use(
    await serve({
      host: "127.0.0.1",
      port: 0,
      trust: { workload, tokens },
      log,
      metrics: createMetrics({}),
      implementations: [implement({ ...contract, methods }, given as never)],
    }),
  );
  return server.port;
}
