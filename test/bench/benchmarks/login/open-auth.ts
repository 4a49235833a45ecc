import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort, testCallers, testEnvironment } from "@agentmesh/harness";
import { authContract } from "@agentmesh/proto/auth.contract";
import type { Client } from "@agentmesh/rpc";
import { Client as PostgresClient } from "pg";
import { awaitAnswer } from "../start/await-answer.ts";

/** auth as a process of its own, with people who sign in. */
export type OpenAuth = AsyncDisposable & {
  readonly client: Client<typeof authContract>;
  readonly pid: number;
  readonly versions: Readonly<Record<string, string>>;
};

export const password = "correct horse battery staple";
export const usernames = Array.from({ length: 16 }, (_, index) => `user-${index}`);

const main = fileURLToPath(new URL("../../../../services/auth/src/main.ts", import.meta.url));
const READY_WITHIN_MS = 30_000;

export async function openAuth(): Promise<OpenAuth> {
  await using stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("auth", { redis: false }));
  const callers = stack.use(await testCallers(environment));
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn(process.execPath, [main], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: String(port),
      ADMIN_PORT: String(adminPort),
      POSTGRES_URL: environment.postgresUrl,
      NATS_URL: environment.natsUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      MASTER_KEY_FILE: environment.masterKeyFile,
      BOOTSTRAP_ADMIN_PASSWORD: password,
      LOG_LEVEL: "error",
    },
  });
  stack.defer(async () => {
    child.kill("SIGTERM");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  await awaitAnswer(`http://127.0.0.1:${adminPort}/readyz`, READY_WITHIN_MS);
  const client = await callers.client(authContract, port, "gateway");
  await createUsers(client);
  const versions = { PostgreSQL: await postgresVersion(environment.postgresUrl) };
  const opened = stack.move();
  return { client, pid: child.pid ?? 0, versions, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}

async function createUsers(client: OpenAuth["client"]): Promise<void> {
  const { accessToken } = await client.signIn({ tenant: "acme", username: "admin", password });
  const credential = { $case: "accessToken", value: accessToken } as const;
  const { token } = await client.exchangeToken({ credential, audience: "auth" });
  for (const username of usernames) await client.createUser({ username, password, roles: ["operator"] }, { token });
}

async function postgresVersion(connectionString: string): Promise<string> {
  const client = new PostgresClient({ connectionString });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>("SHOW server_version");
  await client.end();
  return rows[0]?.server_version.split(" ")[0] ?? "unknown";
}
