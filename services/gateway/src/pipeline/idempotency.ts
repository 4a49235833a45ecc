import { AppError, describeError, isAppError } from "@agentmesh/errors";
import { sha256Hex } from "@agentmesh/ids";
import type { Context } from "../context.ts";
import type { Stored } from "../stored-replies.ts";
import { type Body, bodyOfBytes } from "./body.ts";
import { type Exchange, type Reply, type Stage, subjectOf, tenantOf } from "./exchange.ts";

const MAX_KEY_CHARS = 200;

/**
 * One effect per idempotency key: a repeat gets the first reply, a different request with the same key is refused,
 * and so is a repeat while the first is under way.
 */
export const idempotency: Stage = async (context, exchange, next) => {
  const { idempotencyKey, method } = exchange;
  if (idempotencyKey === undefined || method.idempotency !== "EFFECT" || method.access === "PUBLIC") return next();
  const key = storageKey(exchange, idempotencyKey);
  const requestHash = sha256Hex(exchange.request.bytes);
  const stored = await context.replies.begin(key, requestHash, method.timeoutMs);
  if (stored.state !== "new") return repeat(exchange, stored, requestHash);
  let reply: Reply;
  try {
    reply = await next();
  } catch (error) {
    if (hadNoEffect(error)) await quietly(context, context.replies.forget(key));
    throw error;
  }
  // A stream is not kept, nor is a reply with a secret: the key then only says that it was done.
  const kept = reply.kind === "unary" && !context.secrets.has(method.path) ? reply.body.bytes : undefined;
  await quietly(context, context.replies.finish(key, requestHash, kept));
  return reply;
};

function storageKey(exchange: Exchange, idempotencyKey: string): string {
  if (idempotencyKey === "" || idempotencyKey.length > MAX_KEY_CHARS) {
    throw new AppError("INVALID_ARGUMENT", `the idempotency key must have 1 to ${MAX_KEY_CHARS} characters`, {
      reason: "BAD_IDEMPOTENCY_KEY",
      field: "idempotency-key",
    });
  }
  const scope = [subjectOf(exchange), exchange.method.path, idempotencyKey].join("\0");
  return `idempotency:{${tenantOf(exchange)}}:${sha256Hex(scope)}`;
}

function repeat({ method }: Exchange, stored: Exclude<Stored, { state: "new" }>, requestHash: string): Reply {
  if (stored.requestHash !== requestHash) {
    throw new AppError("CONFLICT", "the idempotency key was used for a different request; use a new key", {
      reason: "IDEMPOTENCY_KEY_REUSED",
      field: "idempotency-key",
    });
  }
  if (stored.state === "running") {
    throw new AppError("CONFLICT", "a request with this idempotency key is under way; ask again when it has ended", {
      reason: "IDEMPOTENCY_IN_FLIGHT",
      retryAfterMs: Math.min(stored.leftMs, 1_000),
    });
  }
  if (!stored.reply) {
    throw new AppError("CONFLICT", "the request with this idempotency key was done and its reply is not kept", {
      reason: "IDEMPOTENCY_REPLY_GONE",
    });
  }
  const body: Body = bodyOfBytes(method.response, stored.reply);
  return { kind: "unary", body };
}

/** A refusal leaves nothing behind. After a lost connection or a deadline nobody knows: the key stays taken. */
function hadNoEffect(error: unknown): boolean {
  if (!isAppError(error)) return false;
  return !["UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "INTERNAL", "DATA_LOSS"].includes(error.code);
}

/** The effect has happened: failing to note it must not turn its reply into an error. */
async function quietly(context: Context, work: Promise<void>): Promise<void> {
  await work.catch((error) => context.log.warn({ reason: describeError(error) }, "idempotency key not noted"));
}
