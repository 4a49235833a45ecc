// The one harness of all service tests: real servers for one test file, removed when it ends.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ServerHandle } from "@agentmesh/local/server";
import { meshServices } from "@agentmesh/local/services";
import { testPostgres } from "@agentmesh/local/test-postgres";
import { newWorkloadKey, trustBundle, type WorkloadKey } from "@agentmesh/local/workload-keys";
import { createTestDatabase } from "./test-database.ts";
import { type TestFolder, testFolder } from "./test-folder.ts";
import { startNats, startRedis } from "./test-servers.ts";

export { freePort } from "@agentmesh/local/free-port";
export type { ServerHandle } from "@agentmesh/local/server";
export { type EventuallyOptions, eventually } from "./eventually.ts";
export { type TestCallers, type TestUser, testCallers } from "./test-caller.ts";
export { type TestFolder, testFolder } from "./test-folder.ts";
export { startNats, startRedis } from "./test-servers.ts";

export type TestEnvironmentOptions = {
  /** Whether it has a Redis; default true. Without one `redisUrl` is empty and `redis` throws. */
  readonly redis?: boolean;
  /** Whether it has a NATS; default true. Without one `natsUrl` is empty and `nats` throws. */
  readonly nats?: boolean;
  /** Whether it has a database; default true. Without one `postgresUrl` is empty. */
  readonly postgres?: boolean;
};

export type TestEnvironment = {
  /** As the service's own role, its own schema in the search path, in a database of this environment alone. */
  readonly postgresUrl: string;
  /** As a superuser, in the same database. */
  readonly adminPostgresUrl: string;
  readonly natsUrl: string;
  readonly redisUrl: string;
  /** Private JWK of `service`. */
  readonly workloadKeyFile: string;
  /** JWKS of all services. */
  readonly workloadTrustFile: string;
  /** 32 random bytes in base64. */
  readonly masterKeyFile: string;
  /** Private keys by service name, to call as any of them. */
  readonly keys: ReadonlyMap<string, WorkloadKey>;
  /** Private key file of another service. */
  keyFileOf(service: string): string;
  readonly dir: string;
  readonly nats: ServerHandle;
  readonly redis: ServerHandle;
  [Symbol.asyncDispose](): Promise<void>;
};

/**
 * Everything that one service needs to start in a test: a fresh database in the tests' PostgreSQL
 * (TEST_POSTGRES_ADMIN_URL, or one that is brought up once and shared by all), a nats-server and a redis-server of its
 * own, workload keys and a master key. Takes about 0.3 s; disposing it removes all of it.
 */
export async function testEnvironment(service: string, options: TestEnvironmentOptions = {}): Promise<TestEnvironment> {
  await using stack = new AsyncDisposableStack();
  const folder = testFolder();
  stack.defer(() => folder.remove());
  const [database, nats, redis] = await Promise.all([
    options.postgres === false ? undefined : openDatabase(service),
    options.nats === false ? undefined : startNats(folder),
    options.redis === false ? undefined : startRedis(folder),
  ]);
  if (database) stack.defer(() => database.drop());
  if (nats) stack.use(nats);
  if (redis) stack.use(redis);
  const secrets = writeSecrets(folder, service);
  const owned = stack.move();
  return {
    postgresUrl: database?.url ?? "",
    adminPostgresUrl: database?.adminUrl ?? "",
    natsUrl: nats?.url ?? "",
    redisUrl: redis?.url ?? "",
    ...secrets,
    dir: folder.dir,
    get nats() {
      return present(nats, "nats");
    },
    get redis() {
      return present(redis, "redis");
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function openDatabase(service: string): Promise<Awaited<ReturnType<typeof createTestDatabase>>> {
  const given = process.env.TEST_POSTGRES_ADMIN_URL;
  const url = given || (await testPostgres((line) => process.stderr.write(`harness: ${line}\n`))).url;
  return await createTestDatabase(url, service);
}

function writeSecrets(folder: TestFolder, service: string) {
  const names = new Set([...meshServices, service]);
  const keys = new Map([...names].map((name) => [name, newWorkloadKey(name)]));
  const keyFileOf = (name: string) => join(folder.dir, `${name}.key.json`);
  for (const [name, key] of keys) writeFileSync(keyFileOf(name), JSON.stringify(key), { mode: 0o600 });
  const workloadTrustFile = join(folder.dir, "trust.json");
  writeFileSync(workloadTrustFile, JSON.stringify(trustBundle([...keys.values()])));
  const masterKeyFile = join(folder.dir, "master.key");
  writeFileSync(masterKeyFile, randomBytes(32).toString("base64"), { mode: 0o600 });
  return { keys, keyFileOf, workloadKeyFile: keyFileOf(service), workloadTrustFile, masterKeyFile };
}

function present(server: ServerHandle | undefined, name: "nats" | "redis"): ServerHandle {
  if (server === undefined) throw new Error(`this test environment was made with { ${name}: false }`);
  return server;
}
