import { createHmac } from "node:crypto";
import { isIP } from "node:net";
import { AppError } from "@agentmesh/errors";
import { assertReachable, type Guard, guardedLookup, isLoopback, isPublicAddress } from "@agentmesh/reach";

/** What webhooks may reach besides public addresses: nothing, the own machine, or everything. */
export type Reach = "none" | "loopback" | "private";

// Not imported: an import reads all exports of node:http, and one of them loads the whole of fetch, 12 MB of memory.
const { request: requestHttp } = process.getBuiltinModule("node:http");
const { request: requestHttps } = process.getBuiltinModule("node:https");

export type WebhookRequest = {
  readonly url: string;
  readonly body: string;
  /** Sent as Idempotency-Key. */
  readonly key: string;
  /** Default: not signed. */
  readonly secret: string | undefined;
  readonly reach: Reach;
  /** For all of it, name resolution included. */
  readonly timeoutMs: number;
  readonly now: Date;
};

/**
 * POSTs a body once. Success is a 2xx; a redirect is not followed, for it could lead to where we would not go. The
 * address is judged when the socket is opened, so a name cannot change its mind after a check.
 *
 * With a secret it carries `Agentmesh-Signature: t=<seconds>,v1=<hex>`: HMAC-SHA-256 over `<seconds>.<body>`.
 *
 * @throws AppError PERMISSION_DENIED (ADDRESS_NOT_REACHABLE), FAILED_PRECONDITION (STATUS) or UNAVAILABLE
 */
export async function postWebhook(options: WebhookRequest): Promise<void> {
  const url = new URL(options.url);
  assertAllowed(url, options.reach);
  const status = await send(url, options);
  if (status >= 200 && status < 300) return;
  throw new AppError("FAILED_PRECONDITION", `${url.host} answered ${status}; expected 2xx`, { reason: "STATUS" });
}

/** @throws AppError PERMISSION_DENIED for an address or a protocol that the settings do not reach */
export function assertAllowed(url: URL, reach: Reach): void {
  assertReachable(guardOf(reach), url.hostname);
  if (url.protocol === "https:" || reach !== "none") return;
  throw new AppError("PERMISSION_DENIED", `a webhook to ${url.host} must be https; http is for development`, {
    reason: "HTTPS_REQUIRED",
    field: "url",
  });
}

function guardOf(reach: Reach): Guard {
  return { mayReach: (address) => isReachable(address, reach), refuse: notReachable };
}

function isReachable(address: string, reach: Reach): boolean {
  if (isPublicAddress(address)) return true;
  if (reach === "private") return isIP(address) !== 0;
  return reach === "loopback" && isLoopback(address);
}

function notReachable(host: string): AppError {
  return new AppError(
    "PERMISSION_DENIED",
    `a webhook must not go to ${host}, which is not a public address; use a public one, or have the operator set webhooks.reach`,
    { reason: "ADDRESS_NOT_REACHABLE", field: "url" },
  );
}

function send(url: URL, options: WebhookRequest): Promise<number> {
  const { body, key, secret, timeoutMs, reach } = options;
  const seconds = Math.floor(options.now.getTime() / 1000);
  const { promise, resolve: done, reject } = Promise.withResolvers<number>();
  const request = (url.protocol === "https:" ? requestHttps : requestHttp)(url, {
    method: "POST",
    agent: false,
    lookup: guardedLookup(guardOf(reach)),
    signal: AbortSignal.timeout(timeoutMs),
    headers: {
      "content-type": "application/json",
      "content-length": Buffer.byteLength(body),
      "user-agent": "agentmesh-alerting",
      "idempotency-key": key,
      ...(secret !== undefined && { "agentmesh-signature": `t=${seconds},v1=${sign(secret, seconds, body)}` }),
    },
  });
  request.on("error", (cause) => {
    if (cause instanceof AppError) return reject(cause);
    const what = cause.name === "AbortError" ? `no answer within ${timeoutMs} ms` : cause.message;
    reject(new AppError("UNAVAILABLE", `${url.host}: ${what}`, { cause }));
  });
  request.once("response", (response) => {
    // The status says it all; reading a body could take for ever.
    done(response.statusCode ?? 0);
    response.on("error", () => undefined);
    response.destroy();
  });
  request.end(body);
  return promise;
}

function sign(secret: string, seconds: number, body: string): string {
  return createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex");
}
