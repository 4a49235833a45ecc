import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Client } from "@agentmesh/rpc";
import { Redis } from "ioredis";
import { awaitAnswer } from "../start/await-answer.ts";

export type CacheClient = Client<typeof cacheContract>;

/** Two replicas as processes of their own, on a NATS and a Redis of their own. */
export type Caches = AsyncDisposable & {
  readonly clients: readonly [CacheClient, CacheClient];
  readonly redisUrl: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Lives for an hour. */
  readonly token: string;
};

const main = fileURLToPath(new URL("../../../../services/cache/src/main.ts", import.meta.url));
const readyWithinMs = 30_000;

export async function openCaches(): Promise<Caches> {
  await using stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("cache", { postgres: false }));
  const callers = stack.use(await testCallers(environment));
  const ports = [await startReplica(environment, stack), await startReplica(environment, stack)] as const;
  const clients = [
    await callers.client(cacheContract, ports[0], "agent-runner"),
    await callers.client(cacheContract, ports[1], "agent-runner"),
  ] as const;
  const token = await callers.token({ tenant: "bench", ttlS: 3_600 });
  const redis = new Redis(environment.redisUrl);
  const version = /^redis_version:(\S+)/m.exec(await redis.info("server"))?.[1] ?? "unknown";
  redis.disconnect();
  const opened = stack.move();
  return {
    clients,
    redisUrl: environment.redisUrl,
    versions: { Redis: version },
    token,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function startReplica(environment: TestEnvironment, stack: AsyncDisposableStack): Promise<number> {
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [main], {
    cwd: join(main, "../.."),
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...process.env,
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(port),
      ADMIN_PORT: String(adminPort),
      NATS_URL: environment.natsUrl,
      REDIS_URL: environment.redisUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      LOG_LEVEL: "error",
    },
  });
  stack.defer(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  await awaitAnswer(`http://127.0.0.1:${adminPort}/readyz`, readyWithinMs);
  return port;
}
