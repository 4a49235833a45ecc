import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import { LRUCache } from "lru-cache";
import { partitionOf } from "../domain/scope.ts";
import { addCounts, type Counts, noCounts } from "../domain/stats.ts";
import type { RedisLink } from "./redis.ts";

export type TenantCounts = AsyncDisposable & {
  add(tenant: string, counts: Partial<Counts>): void;
  /** Over all replicas; of this one alone when Redis is away. */
  read(tenant: string): Promise<Counts>;
};

const FLUSH_MS = 1_000;
const MAX_TENANTS = 10_000;

/** Counts per tenant, added up in Redis once a second. They are figures for people: a crash loses a second of them. */
export function createCounts(redis: RedisLink, log: Logger): TenantCounts {
  const unflushed = new Map<string, Counts>();
  const own = new LRUCache<string, Counts>({ max: MAX_TENANTS });
  let flushing = Promise.resolve();

  async function flushOne(tenant: string): Promise<void> {
    const counts = unflushed.get(tenant);
    if (!counts) return;
    unflushed.delete(tenant);
    const key = `s:${partitionOf(tenant)}`;
    try {
      await redis.run((client) => {
        const pipeline = client.pipeline();
        for (const [name, value] of Object.entries(counts)) {
          if (BigInt(value) > 0n) pipeline.hincrby(key, name, String(value));
        }
        return pipeline.exec();
      });
    } catch (error) {
      log.debug({ reason: describeError(error) }, "cache counts kept for later");
      if (unflushed.size < MAX_TENANTS) unflushed.set(tenant, addCounts(counts, unflushed.get(tenant) ?? noCounts()));
    }
  }

  async function flush(): Promise<void> {
    for (const tenant of [...unflushed.keys()]) await flushOne(tenant);
  }

  const timer = setInterval(() => {
    flushing = flushing.then(flush);
  }, FLUSH_MS);
  return {
    add(tenant, counts) {
      const more = { ...noCounts(), ...counts };
      unflushed.set(tenant, addCounts(unflushed.get(tenant) ?? noCounts(), more));
      own.set(tenant, addCounts(own.get(tenant) ?? noCounts(), more));
    },
    async read(tenant) {
      await flushOne(tenant);
      try {
        return toCounts(await redis.run((client) => client.hgetall(`s:${partitionOf(tenant)}`)));
      } catch {
        return own.get(tenant) ?? noCounts();
      }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await flushing;
      await flush();
    },
  };
}

function toCounts(stored: Readonly<Record<string, string>>): Counts {
  const count = (name: keyof Counts) => Number(stored[name] ?? 0);
  return {
    l1Hits: count("l1Hits"),
    l2Hits: count("l2Hits"),
    semanticHits: count("semanticHits"),
    misses: count("misses"),
    coalesced: count("coalesced"),
    vetoed: count("vetoed"),
    stores: count("stores"),
    evictions: count("evictions"),
    savedNanoUsd: BigInt(stored.savedNanoUsd ?? 0),
    spentNanoUsd: BigInt(stored.spentNanoUsd ?? 0),
  };
}
