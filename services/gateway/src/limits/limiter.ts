import { AppError, describeError } from "@agentmesh/errors";
import { createBreaker } from "@agentmesh/resilience";
import type { Logger, Metrics } from "@agentmesh/telemetry";
import type { Redis } from "ioredis";
import { runScript, type Script, scriptOf } from "../redis.ts";
import { createLeases } from "./leases.ts";
import { RETURN_SCRIPT, TAKE_SCRIPT } from "./take-script.ts";

/** One of the counters a request goes against. */
export type Scope = { readonly name: string; readonly key: string; readonly limit: number };

/** Of the scope with the least left. */
export type LimitState = {
  readonly allowed: boolean;
  readonly scope: string;
  readonly limit: number;
  readonly remaining: number;
  /** Until something is free again, in milliseconds. */
  readonly resetMs: number;
  readonly retryAfterMs: number;
};

export type LimiterOptions = {
  readonly redis: Redis;
  readonly windowMs: number;
  readonly window: "sliding" | "fixed";
  readonly leaseShare: number;
  readonly log: Logger;
  readonly metrics: Metrics;
};

export type Limiter = AsyncDisposable & {
  /** @throws AppError UNAVAILABLE (LIMITER_UNAVAILABLE) without Redis and without a lease */
  take(scopes: readonly Scope[]): Promise<LimitState>;
};

const SLIDING_BUCKETS = 60;
// While Redis does not answer, requests do not wait for it: one in this long looks whether it is back.
const REDIS_OPEN_MS = 1_000;
const MAX_RETURNED = 1_000;

/**
 * Limits that hold over all replicas, because one counter in Redis decides. Each replica also holds a small lease per
 * scope that Redis has counted already: it spends it when the counter says no more, and lives on it while Redis is
 * down. So the limit is never exceeded, however many replicas there are and whatever fails.
 */
export function createLimiter(options: LimiterOptions): Limiter {
  const { redis, windowMs, log } = options;
  const buckets = options.window === "sliding" ? SLIDING_BUCKETS : 1;
  const keep = options.window === "sliding" ? SLIDING_BUCKETS + 1 : 1;
  const width = Math.ceil(windowMs / buckets);
  const leases = createLeases(options.leaseShare);
  const take = scriptOf(TAKE_SCRIPT);
  const onLease = options.metrics.counter("agentmesh_gateway_leased_total", "Requests passed on a local lease");
  const breaker = createBreaker({
    name: "rate limits in Redis",
    failures: 2,
    openMs: REDIS_OPEN_MS,
    onChange: (state) => log.warn({ state }, "rate limits: Redis"),
  });

  async function askRedis(scopes: readonly Scope[]): Promise<LimitState> {
    const nowMs = Date.now();
    const keys = scopes.map((scope) => scope.key);
    const wanted = scopes.map((scope) => leases.want(scope.key, scope.limit, nowMs));
    const args = [width, keep, ...scopes.flatMap((scope, index) => [scope.limit, wanted[index] ?? 0])];
    const answer = await runScript(redis, take, keys, args).catch((error) => {
      for (const [index, key] of keys.entries()) if (wanted[index]) leases.granted(key, undefined);
      throw error;
    });
    const [refused = 0, waitMs = 0, bucket = 0, ...rows] = answer;
    for (const [index, key] of keys.entries()) {
      if (!wanted[index]) continue;
      const tokens = rows[3 * index + 1] ?? 0;
      leases.granted(key, tokens > 0 ? { tokens, bucket, untilMs: nowMs + windowMs } : undefined);
    }
    return stateOf(scopes, rows, refused, waitMs);
  }

  return {
    async take(scopes) {
      const keys = scopes.map((scope) => scope.key);
      try {
        const state = await breaker.run(() => askRedis(scopes));
        if (state.allowed || !leases.takeAll(keys, Date.now())) return state;
        return { ...state, allowed: true };
      } catch (cause) {
        if (leases.takeAll(keys, Date.now())) {
          onLease.inc();
          return { allowed: true, scope: "", limit: 0, remaining: 0, resetMs: 0, retryAfterMs: 0 };
        }
        throw new AppError(
          "UNAVAILABLE",
          "requests cannot be counted now and nothing is held in advance; try again shortly",
          { reason: "LIMITER_UNAVAILABLE", retryAfterMs: REDIS_OPEN_MS, cause },
        );
      }
    },
    async [Symbol.asyncDispose]() {
      const left = leases.drain(Date.now());
      await giveBack(redis, left.slice(0, MAX_RETURNED)).catch((error) =>
        log.warn({ reason: describeError(error) }, "rate limits: leases not given back; they end with their window"),
      );
    },
  };
}

type Left = readonly [string, { readonly tokens: number; readonly bucket: number }];

async function giveBack(redis: Redis, left: readonly Left[]): Promise<void> {
  const script: Script = scriptOf(RETURN_SCRIPT);
  // One by one: leases belong to many tenants, and a script may touch keys of one cluster node only.
  await Promise.all(left.map(([key, { bucket, tokens }]) => runScript(redis, script, [key], [bucket, tokens])));
}

function stateOf(scopes: readonly Scope[], rows: readonly number[], refused: number, waitMs: number): LimitState {
  const states = scopes.map((scope, index) => ({
    allowed: refused === 0,
    scope: scope.name,
    limit: scope.limit,
    remaining: Math.max(0, scope.limit - (rows[3 * index] ?? 0)),
    resetMs: rows[3 * index + 2] ?? 0,
    retryAfterMs: waitMs,
  }));
  const tightest = refused > 0 ? states[refused - 1] : states.toSorted((a, b) => a.remaining - b.remaining)[0];
  return tightest ?? { allowed: true, scope: "", limit: 0, remaining: 0, resetMs: 0, retryAfterMs: 0 };
}
