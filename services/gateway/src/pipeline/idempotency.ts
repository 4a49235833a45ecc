import { setTimeout as delay } from "node:timers/promises";
import { AppError, describeError, isAppError } from "@agentmesh/errors";
import { sha256Hex } from "@agentmesh/ids";
import { repeatWaitOf } from "../config.ts";
import type { Context } from "../context.ts";
import type { Stored } from "../stored-replies.ts";
import { type Body, bodyOfBytes } from "./body.ts";
import { type Exchange, type Reply, type Stage, subjectOf, tenantOf } from "./exchange.ts";

const MAX_KEY_CHARS = 200;
const FIRST_LOOK_MS = 20;
const MAX_LOOK_MS = 500;
// What is left of a repeat's time when it stops waiting.
const MARGIN_MS = 100;

/**
 * One effect per idempotency key: a repeat gets the first reply, also one that comes while the first is under way and
 * waits for it; a different request with the same key is refused. When the first had no effect, a waiting one is next.
 */
export const idempotency: Stage = async (context, exchange, next) => {
  const { idempotencyKey, method } = exchange;
  if (idempotencyKey === undefined || method.idempotency !== "EFFECT" || method.access === "PUBLIC") return next();
  const key = storageKey(exchange, idempotencyKey);
  const requestHash = sha256Hex(exchange.request.bytes);
  const stored = await claim(context, exchange, key, requestHash);
  if (stored.state !== "new") return repeat(exchange, stored, requestHash);
  let reply: Reply;
  try {
    reply = await next();
  } catch (error) {
    const { replies } = context;
    await quietly(context, hadNoEffect(error) ? replies.forget(key) : replies.lose(key, requestHash, method.timeoutMs));
    throw error;
  }
  // A stream is not kept, nor is a reply with a secret: the key then only says that it was done.
  const kept = reply.kind === "unary" && !context.secrets.has(method.path) ? reply.body.bytes : undefined;
  await quietly(context, context.replies.finish(key, requestHash, kept));
  return reply;
};

/** Claims the key, or waits for who has it. */
async function claim(context: Context, exchange: Exchange, key: string, requestHash: string): Promise<Stored> {
  const { signal, deadlineMs, method } = exchange;
  const untilMs = Math.min(deadlineMs - MARGIN_MS, Date.now() + repeatWaitOf(context.config));
  for (let lookMs = FIRST_LOOK_MS; ; lookMs = Math.min(MAX_LOOK_MS, lookMs * 1.5)) {
    const stored = await context.replies.begin(key, requestHash, method.timeoutMs);
    const isAwaited = stored.state === "running" && stored.requestHash === requestHash;
    if (!isAwaited || Date.now() + lookMs > untilMs) return stored;
    await delay(lookMs, undefined, { signal });
  }
}

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
  if (stored.state === "lost") {
    throw new AppError(
      "CONFLICT",
      "nobody knows how the request with this idempotency key ended; look whether it had its effect before you use another key",
      { reason: "IDEMPOTENCY_END_UNKNOWN", retryAfterMs: stored.leftMs },
    );
  }
  if (!stored.reply) {
    throw new AppError("CONFLICT", "the request with this idempotency key was done and its reply is not kept", {
      reason: "IDEMPOTENCY_REPLY_GONE",
    });
  }
  const body: Body = bodyOfBytes(method.response, stored.reply, "reply");
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
