import { type Bulkhead, createBulkhead } from "@agentmesh/resilience";
import { LRUCache } from "lru-cache";

export type AgentPools = {
  /** @throws AppError RESOURCE_EXHAUSTED (QUEUE_FULL) at once when all places and the queue are taken */
  run<T>(tenant: string, agent: string, work: () => Promise<T>): Promise<T>;
  /** All pools with this share of their places, above 0 and up to 1; at least one place each. */
  scale(share: number): void;
  /** Forgets pools nobody is in. */
  trim(): void;
};

const MAX_POOLS = 10_000;

/** A bulkhead for each agent, so that a slow one takes no place of another; places go to waiting runs in their order. */
export function createAgentPools(settings: { places: number; queue: number }): AgentPools {
  const pools = new LRUCache<string, Bulkhead>({ max: MAX_POOLS });
  let places = settings.places;
  return {
    run(tenant, agent, work) {
      const key = `${tenant}/${agent}`;
      const pool = pools.get(key) ?? createBulkhead({ name: `agent ${agent}`, places, queue: settings.queue });
      pools.set(key, pool);
      return pool.run(work);
    },
    scale(share) {
      places = Math.max(1, Math.round(settings.places * share));
      for (const pool of pools.values()) pool.resize(places);
    },
    trim() {
      for (const [key, pool] of pools.entries()) if (pool.running === 0 && pool.queued === 0) pools.delete(key);
    },
  };
}
