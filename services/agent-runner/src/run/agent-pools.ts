import { type Bulkhead, createBulkhead } from "@agentmesh/resilience";
import { LRUCache } from "lru-cache";

/** What can be seen of one agent's pool. */
export type AgentPool = {
  /** `<tenant>/<agent>` */
  readonly key: string;
  readonly tenant: string;
  readonly agent: string;
  readonly running: number;
  readonly queued: number;
  /** As they are now, after all scaling. */
  readonly places: number;
  /** Runs that left it, however they ended. */
  readonly ended: number;
};

export type AgentPools = {
  /** @throws AppError RESOURCE_EXHAUSTED (QUEUE_FULL) at once when all places and the queue are taken */
  run<T>(tenant: string, agent: string, work: () => Promise<T>, wait?: PoolWait): Promise<T>;
  /** All pools with this share of their places, above 0 and up to 1; at least one place each. */
  scale(share: number): void;
  /** One agent's pool with this share of the places that all get; 1: as many as the others. */
  scaleAgent(key: string, share: number): void;
  all(): Iterable<AgentPool>;
  /** Forgets pools nobody is in. */
  trim(): void;
};

export type PoolWait = {
  /** Ends the wait for a place. */
  readonly signal?: AbortSignal;
  /** Agents above that wait for this run. Default 0: none. */
  readonly depth?: number;
};

type Pool = {
  readonly tenant: string;
  readonly agent: string;
  /** By the depth of the runs in it. */
  readonly layers: Map<number, Bulkhead>;
  ended: number;
};

const MAX_POOLS = 10_000;

/**
 * A bulkhead for each agent, so that a slow one takes no place of another; places go to waiting runs in their order.
 *
 * Runs at each depth have places of their own. A run waits only for runs deeper than itself and the deepest call nobody,
 * so agents whose pools are full and that call each other never wait in a circle. An agent so has `places` runs at a time
 * for people, and as many again at each of the MAX_AGENT_DEPTH depths where others call it.
 */
export function createAgentPools(settings: { places: number; queue: number }): AgentPools {
  const pools = new LRUCache<string, Pool>({ max: MAX_POOLS });
  const shares = new Map<string, number>();
  let share = 1;

  function placesOf(key: string): number {
    return Math.max(1, Math.round(settings.places * share * (shares.get(key) ?? 1)));
  }

  function of(tenant: string, agent: string): Pool {
    const key = poolKey(tenant, agent);
    const known = pools.get(key);
    if (known) return known;
    const made: Pool = { tenant, agent, layers: new Map(), ended: 0 };
    pools.set(key, made);
    return made;
  }

  function layerOf({ tenant, agent, layers }: Pool, depth: number): Bulkhead {
    const known = layers.get(depth);
    if (known) return known;
    const name = depth === 0 ? `agent ${agent}` : `agent ${agent} as a tool, ${depth} deep`;
    const made = createBulkhead({ name, places: placesOf(poolKey(tenant, agent)), queue: settings.queue });
    layers.set(depth, made);
    return made;
  }

  function resize(key: string, { layers }: Pool): void {
    for (const layer of layers.values()) layer.resize(placesOf(key));
  }

  return {
    async run(tenant, agent, work, { signal, depth = 0 } = {}) {
      const pool = of(tenant, agent);
      return layerOf(pool, depth).run(async () => {
        try {
          return await work();
        } finally {
          pool.ended += 1;
        }
      }, signal);
    },
    scale(wanted) {
      share = wanted;
      for (const [key, pool] of pools.entries()) resize(key, pool);
    },
    scaleAgent(key, wanted) {
      if (wanted < 1) shares.set(key, wanted);
      else shares.delete(key);
      const pool = pools.peek(key);
      if (pool) resize(key, pool);
    },
    *all() {
      for (const [key, pool] of pools.entries()) {
        const { tenant, agent, ended } = pool;
        yield { key, tenant, agent, ended, ...countsOf(pool), places: placesOf(key) };
      }
    },
    trim() {
      for (const [key, pool] of pools.entries()) {
        const { running, queued } = countsOf(pool);
        if (running === 0 && queued === 0) pools.delete(key);
      }
    },
  };
}

/** Over all depths. */
function countsOf({ layers }: Pool): { running: number; queued: number } {
  const all = [...layers.values()];
  return {
    running: all.reduce((sum, layer) => sum + layer.running, 0),
    queued: all.reduce((sum, layer) => sum + layer.queued, 0),
  };
}

export function poolKey(tenant: string, agent: string): string {
  return `${tenant}/${agent}`;
}
