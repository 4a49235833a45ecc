import { AppError } from "@agentmesh/errors";
import type { Redis } from "ioredis";

/** What is known of an idempotency key. */
export type Stored =
  | { readonly state: "new" }
  | { readonly state: "running"; readonly requestHash: string; readonly leftMs: number }
  /** It ended in a way that tells nothing of its effect. */
  | { readonly state: "lost"; readonly requestHash: string; readonly leftMs: number }
  | { readonly state: "done"; readonly requestHash: string; readonly reply: Uint8Array | undefined };

export type StoredReplies = {
  /** Claims the key for a request, or says who has it. @throws AppError UNAVAILABLE: without Redis nothing is promised */
  begin(key: string, requestHash: string, claimMs: number): Promise<Stored>;
  /** Keeps the reply; `undefined`: that there was one, and not which. */
  finish(key: string, requestHash: string, reply: Uint8Array | undefined): Promise<void>;
  /** Nobody knows whether the request had its effect: the key stays taken as long as it was claimed for. */
  lose(key: string, requestHash: string, claimMs: number): Promise<void>;
  /** The request had no effect: the key is free again. */
  forget(key: string): Promise<void>;
};

const KEEP_MS = 24 * 3_600_000;
const MAX_REPLY_BYTES = 256 * 1024;
const RUNNING = "running";
const LOST = "lost";
const DONE = "done";

/** Replies by idempotency key, in Redis: a hash of `state`, `request` (its hash) and `reply`. */
export function openStoredReplies(redis: Redis): StoredReplies {
  return {
    async begin(key, requestHash, claimMs) {
      try {
        // HSETNX decides between two that come at once. One transaction: a claim without an end would never end.
        const claimed = await redis
          .multi()
          .hsetnx(key, "request", requestHash)
          .hsetnx(key, "state", RUNNING)
          .pexpire(key, claimMs, "NX")
          .exec();
        const [error, won] = claimed?.[0] ?? [new Error("no answer"), 0];
        if (error) throw error;
        return won === 1 ? { state: "new" } : await read(redis, key, requestHash);
      } catch (cause) {
        throw new AppError(
          "UNAVAILABLE",
          "the idempotency key cannot be kept now; the request was not run, send it again shortly",
          { reason: "IDEMPOTENCY_UNAVAILABLE", retryAfterMs: 1_000, cause },
        );
      }
    },
    async finish(key, requestHash, reply) {
      const kept = reply && reply.length <= MAX_REPLY_BYTES ? { reply: Buffer.from(reply) } : {};
      await redis
        .multi()
        .hset(key, { state: DONE, request: requestHash, ...kept })
        .pexpire(key, KEEP_MS)
        .exec();
    },
    async lose(key, requestHash, claimMs) {
      await redis.multi().hset(key, { state: LOST, request: requestHash }).pexpire(key, claimMs, "NX").exec();
    },
    async forget(key) {
      await redis.del(key);
    },
  };
}

async function read(redis: Redis, key: string, asked: string): Promise<Stored> {
  const [fields, leftMs] = await Promise.all([redis.hgetallBuffer(key), redis.pttl(key)]);
  // It may have been freed since: then it is as if its owner were still at it.
  const requestHash = fields.request?.toString() ?? asked;
  const state = fields.state?.toString();
  if (state !== DONE) return { state: state === LOST ? LOST : RUNNING, requestHash, leftMs: Math.max(leftMs, 1_000) };
  return { state: "done", requestHash, reply: fields.reply };
}
