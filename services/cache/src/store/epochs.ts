import { LRUCache } from "lru-cache";
import { partitionOf, type Scope } from "../domain/scope.ts";
import type { RedisLink } from "./redis.ts";

/**
 * The epoch of each scope: a number that only grows. Entries are filed under the epochs of their tenant and agent, so
 * that raising one forgets them all at once.
 *
 * Redis holds them, each process remembers them for FRESH_MS. A hint over NATS makes a process forget what it remembers
 * at once; without the hint it learns of an invalidation after FRESH_MS all the same. An epoch Redis has lost starts
 * again at the clock, which is later than any epoch before, so whatever else Redis still holds stays void.
 */
export type Epochs = {
  /** In the order asked. @throws AppError UNAVAILABLE when one is not remembered and Redis does not answer */
  current(tenant: string, scopes: readonly Scope[], nowMs: number): Promise<number[]>;
  /** Raises a scope's epoch. @throws AppError UNAVAILABLE */
  raise(tenant: string, scope: Scope, nowMs: number): Promise<number>;
  /** Another replica raised it. */
  forget(tenant: string, scope: Scope): void;
};

const FRESH_MS = 500;
const MAX_REMEMBERED = 100_000;
// Longer than any entry lives; a lost epoch is safe, so this only bounds what idle scopes cost.
const KEEP_MS = 30 * 24 * 3600 * 1000;

/** @param hintsArrive while true, what is remembered still counts when Redis is away, for a raise would be heard of */
export function createEpochs(redis: RedisLink, hintsArrive: () => boolean): Epochs {
  const remembered = new LRUCache<string, { epoch: number; readAtMs: number }>({ max: MAX_REMEMBERED });
  /** Under way: a thousand lookups at once read once. */
  const reading = new Map<string, Promise<void>>();

  function readOnce(keys: readonly string[], nowMs: number): Promise<void> {
    const name = keys.join(" ");
    const pending = reading.get(name) ?? read(keys, nowMs).finally(() => reading.delete(name));
    reading.set(name, pending);
    return pending;
  }

  async function read(keys: readonly string[], nowMs: number): Promise<void> {
    const stored = await redis.run((client) => readOrStart(client, keys, nowMs));
    for (const [index, key] of keys.entries()) {
      remembered.set(key, { epoch: stored[index] ?? nowMs, readAtMs: nowMs });
    }
  }

  return {
    async current(tenant, scopes, nowMs) {
      const keys = scopes.map((scope) => keyOf(tenant, scope));
      const stale = keys.filter((key) => nowMs - (remembered.get(key)?.readAtMs ?? 0) > FRESH_MS);
      if (stale.length > 0) {
        await readOnce(stale, nowMs).catch((error) => {
          if (hintsArrive() && stale.every((key) => remembered.has(key))) return;
          // Without it nothing is found, kept or waited for: worth a second try of what may have been slow for a moment.
          if (redis.breaker.state === "closed") return readOnce(stale, nowMs);
          throw error;
        });
      }
      return keys.map((key) => remembered.get(key)?.epoch ?? nowMs);
    },
    async raise(tenant, scope, nowMs) {
      const key = keyOf(tenant, scope);
      const results = await redis.run((client) =>
        client.multi().set(key, nowMs, "PX", KEEP_MS, "NX").incr(key).pexpire(key, KEEP_MS).exec(),
      );
      const epoch = Number(results?.[1]?.[1]);
      remembered.set(key, { epoch, readAtMs: nowMs });
      return epoch;
    },
    forget(tenant, scope) {
      remembered.delete(keyOf(tenant, scope));
    },
  };
}

function keyOf(tenant: string, scope: Scope): string {
  return `e:${partitionOf(tenant)}:${scope}`;
}

type Client = Parameters<Parameters<RedisLink["run"]>[0]>[0];

async function readOrStart(client: Client, keys: readonly string[], nowMs: number): Promise<number[]> {
  const found = await client.mget(...keys);
  const missing = keys.filter((_, index) => found[index] === null);
  if (missing.length === 0) return found.map(Number);
  await Promise.all(missing.map((key) => client.set(key, nowMs, "PX", KEEP_MS, "NX")));
  return (await client.mget(...keys)).map(Number);
}
