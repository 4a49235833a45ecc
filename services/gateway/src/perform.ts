import { AppError, toAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { inSpan } from "@agentmesh/telemetry";
import type { Context } from "./context.ts";
import type { Body } from "./pipeline/body.ts";
import type { Credential, Exchange, Reply } from "./pipeline/exchange.ts";
import { runPipeline } from "./pipeline/pipeline.ts";
import type { RoutedMethod } from "./routes.ts";

/** What a surface knows of a request. */
export type Incoming = {
  readonly method: RoutedMethod;
  readonly surface: "grpc" | "http";
  readonly request: Body;
  readonly remoteAddress: string;
  /** A header's or metadata entry's value; names in lower case. */
  readonly header: (name: string) => string | undefined;
  /** The client certificate, which counts when no other credential is sent. */
  readonly certificate: () => Credential | undefined;
  /** The caller's own deadline, milliseconds since the epoch. */
  readonly deadlineMs?: number;
};

export type Performed = {
  readonly exchange: Exchange;
  /** @throws AppError */
  readonly reply: Promise<Reply>;
  /** The caller went away. */
  readonly cancel: () => void;
  /** This replica goes: the caller is to ask another one. */
  readonly leave: () => void;
  /** To be called once, when the reply has left or failed: `code` is OK or the error's. */
  readonly end: (code: string) => void;
};

// Callers' own ids go into logs, metadata and audit: what could break a line there is not one.
const REQUEST_ID = /^[\w.:/-]{1,128}$/;

/** Takes a request of either surface through the pipeline, under its deadline and in its trace. */
export function perform(context: Context, incoming: Incoming): Performed {
  const { method, header } = incoming;
  const abort = new AbortController();
  const deadlineMs = Math.min(Date.now() + method.timeoutMs, incoming.deadlineMs ?? Number.POSITIVE_INFINITY);
  const timer = setTimeout(
    () => abort.abort(new AppError("DEADLINE_EXCEEDED", `${method.path} took longer than its deadline allows`)),
    Math.max(0, deadlineMs - Date.now()),
  );
  const exchange = openExchange(incoming, deadlineMs, abort.signal);
  let over = false;
  const reply = inSpan(`edge ${method.path}`, { kind: "server", traceparent: header("traceparent") }, () =>
    runPipeline(context, exchange),
  );
  return {
    exchange,
    reply,
    cancel: () => {
      // gRPC says "cancelled" of calls that ended well, too.
      if (!over) abort.abort(new AppError("CANCELLED", `${method.path}: the caller went away`));
    },
    leave: () => {
      const message = "this replica of the edge shuts down; ask again, or go on where the stream ended";
      if (!over) abort.abort(new AppError("UNAVAILABLE", message, { reason: "DRAINING", retryAfterMs: 0 }));
    },
    end: (code) => {
      over = true;
      clearTimeout(timer);
      context.edge.ended(exchange, code);
      context.onExchange(exchange);
    },
  };
}

function openExchange(incoming: Incoming, deadlineMs: number, signal: AbortSignal): Exchange {
  const { method, surface, request, remoteAddress, header } = incoming;
  const asked = header("x-request-id");
  return {
    method,
    surface,
    requestId: asked !== undefined && REQUEST_ID.test(asked) ? asked : newId(),
    credential: credentialOf(header) ?? incoming.certificate(),
    idempotencyKey: header("idempotency-key"),
    remoteAddress,
    deadlineMs,
    signal,
    startedAt: new Date(),
    request,
    caller: undefined,
    classification: "public",
    limit: undefined,
    passed: [],
    failedAt: undefined,
  };
}

const API_KEY = /^mk_[\w-]{43}$/;

function credentialOf(header: Incoming["header"]): Credential | undefined {
  const bearer = /^Bearer +(\S+)$/i.exec(header("authorization") ?? "")?.[1];
  // Clients of OpenAI's API send whatever key they have as a bearer.
  if (bearer !== undefined) return { kind: API_KEY.test(bearer) ? "api-key" : "bearer", value: bearer };
  const key = header("x-api-key");
  return key ? { kind: "api-key", value: key } : undefined;
}

/** Why a request failed: what ended it from outside says more than the cancellation that followed. */
export function failureOf({ signal }: Exchange, error: unknown): AppError {
  return toAppError(signal.aborted ? signal.reason : error);
}

/** `RateLimit-*` as both surfaces name them. */
export function limitHeaders({ limit }: Exchange): [string, string][] {
  if (!limit || limit.limit === 0) return [];
  return [
    ["ratelimit-limit", String(limit.limit)],
    ["ratelimit-remaining", String(limit.remaining)],
    ["ratelimit-reset", String(Math.max(0, Math.ceil(limit.resetMs / 1000)))],
  ];
}

/** What a caller is told of a failure: causes and internals stay at home. */
export function publicMessage(error: AppError): string {
  // Whoever answers gives a reason; what the connection itself says names addresses.
  if (error.reason === undefined) {
    if (error.code === "UNAVAILABLE") return "the service is unavailable now; try again shortly";
    if (error.code === "DEADLINE_EXCEEDED") return "it took longer than its deadline allows";
  }
  if (error.code !== "INTERNAL") return error.message;
  return "an internal error occurred; the gateway's log has the detail under the same request id";
}
