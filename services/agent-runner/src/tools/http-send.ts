import { AppError, type ErrorCode, toAppError } from "@agentmesh/errors";
import type { Dispatcher } from "undici";
import type { KeyPlace } from "../domain/effects-spec.ts";
import { HttpStatus } from "../domain/http-status.ts";
import { setAtPointer } from "../domain/json-pointer.ts";
import type { ToolCallContext } from "../domain/tool.ts";
import { fenced } from "./fenced-dispatcher.ts";

/** The way out for HTTP tools; refuses addresses that tools must not reach. */
export type HttpCaller = {
  /** Opened by the first call: undici is 4 MB and more that a process without HTTP tools does not need. */
  dispatcher(): Promise<Dispatcher>;
  assertAllowed(url: URL): void;
  /** Whether the operator lets this host learn who a call is for. */
  mayKnowCaller(url: URL): boolean;
};

export type HttpMethod = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export type HttpCall = {
  readonly method: HttpMethod;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body: unknown;
  readonly passIdentity: boolean;
  /** Where the idempotency key goes; undefined: nowhere. */
  readonly key: KeyPlace | undefined;
  /** Whether it has an effect: it is sent only by who may still act at that moment. */
  readonly isEffect: boolean;
};

/** What a declaration says of effects, for a request with this method. */
export type HttpEffect = (method: HttpMethod) => Pick<HttpCall, "key" | "isEffect">;

const MAX_RESPONSE_BYTES = 256 * 1024;

/**
 * One request: no redirects, a bounded reply, an idempotency key wherever something may change.
 *
 * @throws AppError UNAVAILABLE where the same request may succeed later, FAILED_PRECONDITION where it will not
 */
export async function sendHttp(http: HttpCaller, call: HttpCall, context: ToolCallContext): Promise<unknown> {
  const { method, url, key } = call;
  const content = key?.field === undefined ? call.body : setAtPointer(call.body, key.field, context.idempotencyKey);
  const body = content === undefined ? undefined : JSON.stringify(content);
  try {
    const dispatcher = await http.dispatcher();
    const sender = call.isEffect && context.assertMayAct ? fenced(dispatcher, context.assertMayAct) : dispatcher;
    const response = await sender.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method,
      headers: {
        accept: "application/json, text/plain",
        "user-agent": "agentmesh",
        ...(body !== undefined && { "content-type": "application/json" }),
        ...withoutHeader(call.headers, key?.header),
        ...(key?.header !== undefined && { [key.header]: context.idempotencyKey }),
        ...(call.passIdentity && identityHeaders(context)),
      },
      ...(body !== undefined && { body }),
      signal: context.signal,
    });
    return readReply(response.statusCode, await readBounded(response.body), response.headers["content-type"]);
  } catch (error) {
    throw toAppError(asUnavailable(error), `${method} ${url.origin}${url.pathname}`);
  }
}

/** undici's own words for a connection that broke or was never there. */
const BROKEN = /^UND_ERR_(SOCKET|CONNECT_TIMEOUT|HEADERS_TIMEOUT|BODY_TIMEOUT)$/;

function asUnavailable(error: unknown): unknown {
  const isBroken = error instanceof Error && "code" in error && BROKEN.test(String(error.code));
  return isBroken ? new AppError("UNAVAILABLE", error.message, { cause: error }) : error;
}

/** A key that the arguments or the declaration choose would not be one. */
function withoutHeader(headers: HttpCall["headers"], left: string | undefined): HttpCall["headers"] {
  if (left === undefined) return headers;
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== left));
}

function identityHeaders({ caller }: ToolCallContext): Record<string, string> {
  return { "x-mesh-tenant": caller.tenant, "x-mesh-subject": caller.subject };
}

/** @throws AppError INVALID_ARGUMENT (IDENTITY_NOT_ALLOWED) */
export function assertMayKnowCaller(http: HttpCaller, url: URL, passIdentity: boolean): void {
  if (!passIdentity || http.mayKnowCaller(url)) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `spec.source.passIdentity: ${url.host} is not among the hosts that may learn who a call is for; an operator lists them in httpTools.identityHosts`,
    { reason: "IDENTITY_NOT_ALLOWED", field: "spec.source.passIdentity" },
  );
}

async function readBounded(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) {
      throw new AppError("FAILED_PRECONDITION", `it answered more than ${MAX_RESPONSE_BYTES} bytes; ask it for less`, {
        reason: "TOO_LARGE",
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function readReply(status: number, text: string, contentType: string | string[] | undefined): unknown {
  if (status >= 500 || status === 429 || status === 408) {
    throw answered("UNAVAILABLE", status, text);
  }
  if (status >= 300) throw answered("FAILED_PRECONDITION", status, text);
  if (!String(contentType).includes("json")) return text;
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return text;
  }
}

function answered(code: ErrorCode, status: number, text: string): AppError {
  return new AppError(code, `it answered ${status}: ${text.slice(0, 300)}`, { cause: new HttpStatus(status) });
}
