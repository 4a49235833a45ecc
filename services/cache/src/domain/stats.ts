/** What is counted for a tenant, in the order of its reply. Money is integer nano-USD. */
export type Counts = {
  l1Hits: number;
  l2Hits: number;
  semanticHits: number;
  misses: number;
  /** Hits that were waited for while another caller made the answer. */
  coalesced: number;
  /** Questions that were alike and yet refused. */
  vetoed: number;
  stores: number;
  evictions: number;
  /** What hits spared. */
  savedNanoUsd: bigint;
  /** What the stored answers cost to make. */
  spentNanoUsd: bigint;
};

export function noCounts(): Counts {
  return {
    l1Hits: 0,
    l2Hits: 0,
    semanticHits: 0,
    misses: 0,
    coalesced: 0,
    vetoed: 0,
    stores: 0,
    evictions: 0,
    savedNanoUsd: 0n,
    spentNanoUsd: 0n,
  };
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    l1Hits: a.l1Hits + b.l1Hits,
    l2Hits: a.l2Hits + b.l2Hits,
    semanticHits: a.semanticHits + b.semanticHits,
    misses: a.misses + b.misses,
    coalesced: a.coalesced + b.coalesced,
    vetoed: a.vetoed + b.vetoed,
    stores: a.stores + b.stores,
    evictions: a.evictions + b.evictions,
    savedNanoUsd: a.savedNanoUsd + b.savedNanoUsd,
    spentNanoUsd: a.spentNanoUsd + b.spentNanoUsd,
  };
}
