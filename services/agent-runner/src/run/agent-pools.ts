import { type Bulkhead, createBulkhead } from "@agentmesh/resilience";
import { LRUCache } from "lru-cache";

export type AgentPools = {
  /** @throws AppError RESOURCE_EXHAUSTED (QUEUE_FULL) at once when all places and the queue are taken */
  run<T>(tenant: string, agent: string, work: () => Promise<T>): Promise<T>;
};

const MAX_POOLS = 10_000;

/** A bulkhead for each agent, so that a slow one takes no place of another. */
export function createAgentPools(settings: { places: number; queue: number }): AgentPools {
  const pools = new LRUCache<string, Bulkhead>({ max: MAX_POOLS });
  return {
    run(tenant, agent, work) {
      const key = `${tenant}/${agent}`;
      const pool = pools.get(key) ?? createBulkhead({ name: `agent ${agent}`, ...settings });
      pools.set(key, pool);
      return pool.run(work);
    },
  };
}
