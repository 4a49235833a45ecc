import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError, describeError, isAppError } from "@agentmesh/errors";
import { retry } from "@agentmesh/resilience";
import type { Dispatcher } from "undici";
import type { ScalingSettings } from "../settings.ts";

/** The API server, as this pod's service account sees it. */
export type KubernetesApi = AsyncDisposable & {
  readonly namespace: string;
  /** @throws AppError NOT_FOUND, PERMISSION_DENIED, UNAUTHENTICATED, CONFLICT (409, 410), or what is retryable */
  get(path: string): Promise<unknown>;
  put(path: string, body: object): Promise<unknown>;
};

const MAX_CONNECTIONS = 2;
const MAX_REPLY_BYTES = 8 * 1024 * 1024;
const MAX_SAID = 300;
const ATTEMPTS = 3;
const RETRY_DELAY_MS = 200;
// An API server that asks for more than this is asked again in a later round.
const MAX_RETRY_AFTER_MS = 5_000;

/**
 * undefined where there is no cluster: no host, or no token mounted.
 *
 * @param stop ends calls that are under way
 */
export async function openKubernetesApi(
  settings: ScalingSettings["kubernetes"],
  stop: AbortSignal,
): Promise<KubernetesApi | undefined> {
  if (settings.host === "") return undefined;
  const file = (name: string) => readFile(join(settings.accountDir, name), "utf8");
  const account = await Promise.all([file("ca.crt"), file("namespace"), file("token")]).catch(() => undefined);
  if (account === undefined) return undefined;
  const [ca, namespace] = account;
  // Only pods with an account need it in memory.
  const { Pool } = await import("undici");
  const host = settings.host.includes(":") ? `[${settings.host}]` : settings.host;
  const pool = new Pool(`https://${host}:${settings.port}`, {
    connections: MAX_CONNECTIONS,
    connect: { ca, timeout: settings.timeoutMs },
  });

  async function once(method: "GET" | "PUT", path: string, body?: object): Promise<unknown> {
    try {
      // The kubelet replaces the token before it expires, so it is read for each call.
      const token = (await file("token")).trim();
      const response = await pool.request({
        method,
        path,
        headers: { authorization: `Bearer ${token}`, accept: "application/json", "content-type": "application/json" },
        ...(body && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([stop, AbortSignal.timeout(settings.timeoutMs)]),
      });
      const text = await readBounded(response.body);
      if (response.statusCode < 200 || response.statusCode > 299) throw refusal(method, path, response, text);
      return JSON.parse(text);
    } catch (cause) {
      if (isAppError(cause)) throw cause;
      const late = cause instanceof Error && cause.name === "TimeoutError";
      const why = late ? `it took longer than ${settings.timeoutMs} ms` : describeError(cause);
      throw new AppError(late ? "DEADLINE_EXCEEDED" : "UNAVAILABLE", `the API server, ${method} ${path}: ${why}`, {
        reason: "KUBERNETES_UNAVAILABLE",
        cause,
      });
    }
  }

  const again = (call: () => Promise<unknown>) =>
    retry(call, {
      attempts: ATTEMPTS,
      delayMs: RETRY_DELAY_MS,
      maxRetryAfterMs: MAX_RETRY_AFTER_MS,
      signal: stop,
    });
  return {
    namespace: namespace.trim(),
    get: (path) => again(() => once("GET", path)),
    // A body carries its resourceVersion: what was applied although its answer was lost is a conflict the next time.
    put: (path, body) => again(() => once("PUT", path, body)),
    [Symbol.asyncDispose]: () => pool.destroy(),
  };
}

async function readBounded(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    const piece = Buffer.from(chunk);
    bytes += piece.length;
    if (bytes > MAX_REPLY_BYTES) throw new Error(`it answered more than ${MAX_REPLY_BYTES} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function refusal(method: string, path: string, response: Dispatcher.ResponseData, text: string): AppError {
  const status = response.statusCode;
  const afterS = Number(response.headers["retry-after"]);
  return new AppError(codeOf(status), `the API server, ${method} ${path}: ${status} ${text.slice(0, MAX_SAID)}`, {
    reason: `KUBERNETES_${status}`,
    ...(afterS > 0 && { retryAfterMs: afterS * 1000 }),
  });
}

function codeOf(status: number): AppError["code"] {
  if (status === 401) return "UNAUTHENTICATED";
  if (status === 403) return "PERMISSION_DENIED";
  if (status === 404) return "NOT_FOUND";
  // 410: what was read is too old; like a conflict it is read anew.
  if (status === 409 || status === 410) return "CONFLICT";
  if (status === 429) return "RESOURCE_EXHAUSTED";
  return status >= 500 ? "UNAVAILABLE" : "INTERNAL";
}
