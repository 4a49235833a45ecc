/** What is counted for a tenant. `savedNanoUsd` is what hits spared. */
export type Counts = {
  l1Hits: number;
  l2Hits: number;
  misses: number;
  stores: number;
  evictions: number;
  savedNanoUsd: bigint;
};

export function noCounts(): Counts {
  return { l1Hits: 0, l2Hits: 0, misses: 0, stores: 0, evictions: 0, savedNanoUsd: 0n };
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    l1Hits: a.l1Hits + b.l1Hits,
    l2Hits: a.l2Hits + b.l2Hits,
    misses: a.misses + b.misses,
    stores: a.stores + b.stores,
    evictions: a.evictions + b.evictions,
    savedNanoUsd: a.savedNanoUsd + b.savedNanoUsd,
  };
}
