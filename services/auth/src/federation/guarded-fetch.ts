import { AppError } from "@agentmesh/errors";
import type { Agent } from "undici";
import type { Reach } from "./private-networks.ts";

/** The little of `fetch` that asking a provider takes. */
export type GuardedFetch = (url: string, options: RequestOptions) => Promise<Response>;

type RequestOptions = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal | undefined;
};

const CONNECT_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 5_000;
const MAX_CONNECTIONS_A_HOST = 8;
/** Discovery documents and key sets have a few kilobytes. */
const MAX_BYTES = 256 * 1024;

/**
 * Asks what a tenant's provider names: nothing private, nowhere it redirects to, over TLS unless the operator named the
 * host, and no more than it may take.
 */
export function createGuardedFetch(reach: Reach): GuardedFetch & AsyncDisposable {
  let opened: Promise<Agent> | undefined;

  async function open(): Promise<Agent> {
    const { Agent } = await import("undici");
    return new Agent({
      connections: MAX_CONNECTIONS_A_HOST,
      connect: { timeout: CONNECT_TIMEOUT_MS, lookup: reach.lookup },
      maxResponseSize: MAX_BYTES,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
    });
  }

  async function guarded(address: string, options: RequestOptions): Promise<Response> {
    const url = new URL(address);
    if (url.protocol !== "https:" && !(url.protocol === "http:" && reach.isNamed(url.hostname))) {
      throw new AppError("PERMISSION_DENIED", `${url.origin} is not asked without TLS`, { reason: "NO_TLS" });
    }
    reach.assertAllowed(url.hostname);
    opened ??= open();
    const { request } = await import("undici");
    const { statusCode, headers, body } = await request(url, {
      dispatcher: await opened,
      method: options.method === "POST" ? "POST" : "GET",
      headers: { ...options.headers },
      body: options.body === undefined || options.body === null ? null : String(options.body),
      signal: options.signal ?? null,
    });
    const bytes = await body.arrayBuffer();
    const type = headers["content-type"];
    return new Response(statusCode === 204 ? null : bytes, {
      // A redirect comes back as what it is, and whoever asked for a document refuses it.
      status: statusCode,
      headers: { "content-type": typeof type === "string" ? type : "" },
    });
  }

  return Object.assign(guarded, {
    async [Symbol.asyncDispose]() {
      await (await opened)?.destroy();
    },
  });
}
