// Calls a service as the gateway would: with a workload token and an internal token of a user that the test invents.
import { randomUUID } from "node:crypto";
import { connectBus, publishSnapshots } from "@agentmesh/bus";
import { loadWorkloadIdentity, tokenIssuer, tokenType } from "@agentmesh/identity";
import { type Client, type Contract, createClient } from "@agentmesh/rpc";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import type { TestEnvironment } from "./index.ts";

export type TestUser = {
  /** Default `acme`. */
  readonly tenant?: string;
  /** Default `user:test`. */
  readonly subject?: string;
  readonly permissions?: readonly string[];
  readonly roles?: readonly string[];
  readonly department?: string;
  readonly project?: string;
  /** Seconds from now; negative: expired already. Default 300. */
  readonly ttlS?: number;
  readonly audience?: string;
};

export type TestCallers = AsyncDisposable & {
  /** An internal token as auth would sign it. */
  token(user?: TestUser): Promise<string>;
  /** A client of a contract on a port of loopback, signed in as a workload; default the gateway. */
  client<C extends Contract>(contract: C, port: number, workload?: string): Promise<Client<C>>;
};

/** Stands in for auth: publishes a key set of its own in the jwks snapshot and signs tokens with it. */
export async function testCallers(environment: TestEnvironment): Promise<TestCallers> {
  await using stack = new AsyncDisposableStack();
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "test", alg: "ES256", use: "sig" };
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const bus = stack.use(
    await connectBus({ url: environment.natsUrl, service: "test", log, metrics: createMetrics({}) }),
  );
  stack.use(await publishSnapshots(bus, "jwks", async () => [{ key: "current", version: 1, value: { keys: [jwk] } }]));
  stack.use(await publishSnapshots(bus, "revocations", async () => []));
  const opened = stack.move();
  return {
    token(user = {}) {
      const { tenant = "acme", subject = "user:test", permissions = [], roles = [], ttlS = 300 } = user;
      const nowS = Math.floor(Date.now() / 1000);
      return new SignJWT({
        tnt: tenant,
        name: subject,
        roles: [...roles],
        perms: [...permissions],
        dept: user.department ?? "",
        proj: user.project ?? "",
        sid: "",
      })
        .setProtectedHeader({ alg: "ES256", typ: tokenType, kid: "test" })
        .setSubject(subject)
        .setIssuer(tokenIssuer)
        .setAudience(user.audience ?? "mesh")
        .setJti(randomUUID())
        .setIssuedAt(nowS)
        .setExpirationTime(nowS + ttlS)
        .sign(privateKey);
    },
    async client(contract, port, workload = "gateway") {
      const identity = await loadWorkloadIdentity(environment.keyFileOf(workload), environment.workloadTrustFile);
      const client = createClient(contract, { address: `127.0.0.1:${port}`, workload: identity });
      opened.defer(() => client[Symbol.dispose]());
      return client;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
