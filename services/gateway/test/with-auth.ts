// The edge in front of the real auth as a process of its own; nobody else is up, compliance included.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually, freePort, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import { type Client, createClient, openChannel } from "@agentmesh/rpc";
import type { GatewayConfig } from "../src/config.ts";
import { type RunningGateway, startGateway } from "../src/service.ts";

export const password = "correct-horse-battery-9";

export type EdgeWithAuth = AsyncDisposable & {
  readonly environment: TestEnvironment;
  readonly gateway: RunningGateway;
  /** Of auth, through the edge. */
  readonly client: Client<typeof authContract>;
  /** Another replica of the edge. */
  another(changes: Partial<GatewayConfig>): Promise<RunningGateway>;
};

export async function startWithAuth(): Promise<EdgeWithAuth> {
  await using stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("auth"));
  const authPort = await freePort();
  const auth = startAuth(environment, authPort, await freePort());
  stack.defer(async () => {
    auth.kill("SIGTERM");
    if (auth.exitCode === null) await once(auth, "exit");
  });
  const config = await configOf(environment, authPort);
  const gateway = stack.use(await startGateway(config));
  const channel = stack.use(openChannel({ address: `127.0.0.1:${gateway.port}` }));
  const client = createClient(authContract, { address: channel });
  await eventually(() => client.getJwks({}), { what: "auth", timeoutMs: 30_000 });
  const opened = stack.move();
  return {
    environment,
    gateway,
    client,
    another: async (changes) => opened.use(await startGateway({ ...config, ...changes })),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function startAuth(environment: TestEnvironment, grpcPort: number, adminPort: number): ChildProcess {
  const main = fileURLToPath(new URL("../../auth/src/main.ts", import.meta.url));
  return spawn(process.execPath, [main], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(grpcPort),
      ADMIN_PORT: String(adminPort),
      POSTGRES_URL: environment.postgresUrl,
      NATS_URL: environment.natsUrl,
      REDIS_URL: environment.redisUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      MASTER_KEY_FILE: environment.masterKeyFile,
      BOOTSTRAP_ADMIN_PASSWORD: password,
      LOG_LEVEL: "error",
    },
  });
}

async function configOf(environment: TestEnvironment, authPort: number): Promise<GatewayConfig> {
  const nobody = `127.0.0.1:${await freePort()}`;
  const figures = { user: 1000, department: 1000, tenant: 1000, address: 1000 };
  return {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    http: { port: 0 },
    admission: { places: 1_024, queue: 2_048, waitMs: 2_000 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.keyFileOf("gateway"), trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
    redis: { url: environment.redisUrl },
    peers: {
      auth: `127.0.0.1:${authPort}`,
      "agent-runner": nobody,
      cache: nobody,
      orchestrator: nobody,
      compliance: nobody,
      cost: nobody,
      alerting: nobody,
    },
    balance: {},
    audit: { spoolDir: join(environment.dir, "spool") },
    limits: { profile: "t", window: "fixed", windowMs: 3_600_000, leaseShare: 0.05, profiles: { t: figures } },
  };
}
