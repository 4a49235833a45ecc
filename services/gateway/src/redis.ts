import { createHash } from "node:crypto";
import { once } from "node:events";
import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import { Redis } from "ioredis";

const CONNECT_TIMEOUT_MS = 2_000;
// A hot path may wait this long for Redis and no longer; on a starved machine a healthy Redis takes 300 ms.
const COMMAND_TIMEOUT_MS = 1_000;
const MAX_RECONNECT_WAIT_MS = 1_000;

export type RedisConnection = AsyncDisposable & { readonly redis: Redis };

/** Waits a moment for Redis, and goes on without it: it holds nothing that cannot be lost, and comes back by itself. */
export async function openRedis(url: string, log: Logger): Promise<RedisConnection> {
  const redis = new Redis(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: COMMAND_TIMEOUT_MS,
    retryStrategy: (times) => Math.min(50 * times, MAX_RECONNECT_WAIT_MS),
  });
  let down = false;
  redis.on("error", (error) => {
    if (!down) log.warn({ reason: describeError(error) }, "Redis does not answer");
    down = true;
  });
  redis.on("ready", () => {
    if (down) log.info({}, "Redis is back");
    down = false;
  });
  await once(redis, "ready", { signal: AbortSignal.timeout(CONNECT_TIMEOUT_MS) }).catch(() => undefined);
  return {
    redis,
    async [Symbol.asyncDispose]() {
      redis.disconnect();
    },
  };
}

export type Script = { readonly text: string; readonly sha: string };

export function scriptOf(text: string): Script {
  return { text, sha: createHash("sha1").update(text).digest("hex") };
}

/** Runs a script that answers whole numbers; its text travels only when this server does not know it yet. */
export async function runScript(
  redis: Redis,
  script: Script,
  keys: readonly string[],
  args: readonly (string | number)[],
): Promise<number[]> {
  const parameters = [...keys, ...args];
  gather(redis);
  try {
    return numbers(await redis.evalsha(script.sha, keys.length, ...parameters));
  } catch (error) {
    if (!describeError(error).startsWith("NOSCRIPT")) throw error;
    return numbers(await redis.eval(script.text, keys.length, ...parameters));
  }
}

/**
 * Commands of one turn of the event loop leave in one write: a system call each was the most expensive thing the edge did
 * for a request. Nothing waits longer than the turn.
 */
function gather({ stream }: Redis): void {
  // None before the first connection.
  if (!stream || stream.writableCorked > 0) return;
  stream.cork();
  setImmediate(() => stream.uncork());
}

function numbers(answer: unknown): number[] {
  return Array.isArray(answer) ? answer.map(Number) : [Number(answer)];
}
