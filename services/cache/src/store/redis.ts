import { AppError, describeError } from "@agentmesh/errors";
import { type Breaker, createBreaker } from "@agentmesh/resilience";
import type { Logger } from "@agentmesh/telemetry";
import { Redis } from "ioredis";

export type RedisLink = AsyncDisposable & {
  /** @throws AppError UNAVAILABLE when Redis is away, slow or refuses, and at once while the breaker is open */
  run<T>(work: (redis: Redis) => Promise<T>): Promise<T>;
  readonly breaker: Breaker;
};

const FAILURES_TO_OPEN = 5;
// Short, for a probe costs one lookup a tenth of a second at most and a cache that is off costs money.
const OPEN_MS = 1_000;
const CONNECT_TIMEOUT_MS = 1_000;
const MAX_RECONNECT_WAIT_MS = 500;

/** A connection that never makes anybody wait: no queue while it is away, a bound on all work, a breaker above. */
export async function openRedis(options: { url: string; timeoutMs: number; log: Logger }): Promise<RedisLink> {
  const { log, timeoutMs } = options;
  const redis = new Redis(options.url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: (times) => Math.min(times * 50, MAX_RECONNECT_WAIT_MS),
  });
  let isDown = false;
  redis.on("error", (error) => {
    if (!isDown) log.warn({ reason: describeError(error) }, "Redis is away; answers come from process memory only");
    isDown = true;
  });
  redis.on("ready", () => {
    isDown = false;
  });
  // A cache that starts before its Redis is slower, not broken.
  await redis.connect().catch(() => undefined);
  const breaker = createBreaker({
    name: "redis",
    failures: FAILURES_TO_OPEN,
    openMs: OPEN_MS,
    onChange: (state) => log.warn({ state }, "Redis breaker"),
  });
  return {
    breaker,
    async run(work) {
      try {
        return await breaker.run(() => within(work(redis), timeoutMs));
      } catch (cause) {
        throw new AppError("UNAVAILABLE", `Redis did not answer within ${timeoutMs} ms: ${describeError(cause)}`, {
          reason: "REDIS_UNAVAILABLE",
          retryAfterMs: OPEN_MS,
          cause,
        });
      }
    },
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}

/** Time for which this process was busy itself does not count: an answer that has arrived meanwhile is read first. */
async function within<T>(work: Promise<T>, ms: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => setImmediate(() => late.reject(new Error("no answer in time"))), ms);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
