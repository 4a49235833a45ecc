import { setTimeout as wait } from "node:timers/promises";
import { connect } from "@agentmesh/client";
import { type AppError, toAppError } from "@agentmesh/errors";

/** Where the mesh is, and who signs in. */
export type Edge = {
  /** `host:port[,host:port]` of the gateway's gRPC surface. */
  readonly gatewayAddress: string;
  readonly adminUsername: string;
  readonly adminPassword: string;
  readonly tenant: string;
};

export type Client = Awaited<ReturnType<typeof connect>>;

/** Signed in, for as long as it takes: tokens are renewed, and a mesh that restarts is waited for. */
export type Session = AsyncDisposable & {
  /**
   * Runs calls that may be repeated. What may pass (a service restarts, a limit is reached) is tried again for up to
   * a minute.
   *
   * @throws AppError with the operation in front of the message
   */
  call<T>(operation: string, run: (client: Client) => Promise<T>): Promise<T>;
};

const patienceMs = 60_000;
const firstDelayMs = 200;
const maxDelayMs = 2_000;
/** A token is renewed when it has less than this left. */
const renewalMs = 60_000;

export async function openSession(edge: Edge): Promise<Session> {
  let client: Client | undefined;
  let renewAtMs = 0;

  async function signedIn(): Promise<Client> {
    if (client && Date.now() < renewAtMs) return client;
    await using visitor = await connect({ address: edge.gatewayAddress });
    const reply = await visitor.auth.signIn({
      tenant: edge.tenant,
      username: edge.adminUsername,
      password: edge.adminPassword,
    });
    await client?.[Symbol.asyncDispose]();
    client = await connect({ address: edge.gatewayAddress, token: reply.accessToken });
    renewAtMs = Date.now() + Math.max(0, reply.expiresInS * 1000 - renewalMs);
    return client;
  }

  return {
    async call(operation, run) {
      const deadlineMs = Date.now() + patienceMs;
      for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, maxDelayMs)) {
        try {
          return await run(await signedIn());
        } catch (error) {
          const failure = toAppError(error, operation);
          if (failure.reason === "TOKEN_EXPIRED") renewAtMs = 0;
          const pauseMs = Math.max(delayMs, failure.retryAfterMs ?? 0);
          if (!mayPass(failure) || Date.now() + pauseMs > deadlineMs) throw failure;
          await wait(pauseMs);
        }
      }
    },
    async [Symbol.asyncDispose]() {
      await client?.[Symbol.asyncDispose]();
    },
  };
}

function mayPass(failure: AppError): boolean {
  return failure.retryable || failure.reason === "TOKEN_EXPIRED";
}
