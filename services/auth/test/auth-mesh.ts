// The real service on real servers, called as the gateway and its peers call it.
import { loadConfig } from "@agentmesh/config";
import { AppError } from "@agentmesh/errors";
import { type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { loadWorkloadIdentity } from "@agentmesh/identity";
import type { TokenReply } from "@agentmesh/proto/auth";
import { authContract } from "@agentmesh/proto/auth.contract";
import { type Client, createClient } from "@agentmesh/rpc";
import { type Foundation, openFoundation } from "@agentmesh/service";
import { type AuthConfig, configSchema } from "../src/config.ts";
import { startAuth } from "../src/service.ts";

export type AuthClient = Client<typeof authContract>;

export type AuthMesh = AsyncDisposable & {
  readonly environment: TestEnvironment;
  config(change?: ConfigChange): AuthConfig;
  /** One more replica; answers its port. */
  start(change?: ConfigChange): Promise<number>;
  /** Signed in as a workload; default the gateway. */
  client(port: number, workload?: string): Promise<AuthClient>;
  /** The verifier and snapshots of another service. */
  peer(service: string): Promise<Foundation>;
};

export type ConfigChange = {
  readonly [K in keyof AuthConfig]?: AuthConfig[K] extends object ? Partial<AuthConfig[K]> : AuthConfig[K];
};

export const adminPassword = "correct horse battery staple";

export async function authMesh(): Promise<AuthMesh> {
  await using stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("auth", { redis: false }));

  function config(change: ConfigChange = {}): AuthConfig {
    const base = loadConfig(new URL("../config.yaml", import.meta.url), configSchema, {
      LISTEN_HOST: "127.0.0.1",
      GRPC_PORT: "0",
      ADMIN_PORT: "0",
      LOG_LEVEL: "error",
      NATS_URL: environment.natsUrl,
      POSTGRES_URL: environment.postgresUrl,
      WORKLOAD_KEY_FILE: environment.workloadKeyFile,
      WORKLOAD_TRUST_FILE: environment.workloadTrustFile,
      MASTER_KEY_FILE: environment.masterKeyFile,
      BOOTSTRAP_ADMIN_PASSWORD: adminPassword,
    });
    const merged = Object.entries(change).map(([key, value]) => {
      const before: unknown = Reflect.get(base, key);
      return [key, typeof value === "object" ? { ...Object(before), ...value } : value];
    });
    return configSchema.parse({ ...base, ...Object.fromEntries(merged) });
  }

  const opened = stack.move();
  return {
    environment,
    config,
    async start(change) {
      return opened.use(await startAuth(config(change))).port;
    },
    async client(port, workload = "gateway") {
      const identity = await loadWorkloadIdentity(environment.keyFileOf(workload), environment.workloadTrustFile);
      return opened.use(createClient(authContract, { address: `127.0.0.1:${port}`, workload: identity }));
    },
    async peer(service) {
      const keyFile = environment.keyFileOf(service);
      return opened.use(
        await openFoundation({ ...config(), workload: { keyFile, trustFile: environment.workloadTrustFile } }, service),
      );
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

export type SignInOptions = {
  readonly tenant?: string;
  readonly username?: string;
  readonly password?: string;
  readonly address?: string;
};

/** As the bootstrap admin unless told otherwise. */
export function signIn(client: AuthClient, options: SignInOptions = {}): Promise<TokenReply> {
  const { tenant = "acme", username = "admin", password = adminPassword, address = "" } = options;
  return client.signIn({ tenant, username, password }, { metadata: { "x-mesh-remote-address": address } });
}

/** The internal token that the gateway would send to a service with calls of this caller. */
export async function exchanged(client: AuthClient, accessToken: string, audience = "auth"): Promise<string> {
  const reply = await client.exchangeToken({ credential: { $case: "accessToken", value: accessToken }, audience });
  return reply.token;
}

/** Signed in and exchanged: the token with which an admin calls auth. */
export async function adminToken(client: AuthClient, tenant = "acme"): Promise<string> {
  return exchanged(client, (await signIn(client, { tenant })).accessToken);
}

export async function createUser(client: AuthClient, token: string, username: string, roles: string[] = []) {
  return client.createUser({ username, password: adminPassword, roles }, { token });
}

/** Whether a call is refused for this reason; false when it succeeds. For waiting until it is. */
export function isRefused(call: Promise<unknown>, reason: string): Promise<boolean> {
  return call.then(
    () => false,
    (error: unknown) => error instanceof AppError && error.reason === reason,
  );
}
