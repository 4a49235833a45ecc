import type { CacheStats, GetCacheStatsRequest } from "@agentmesh/proto/cache";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";

/** Counts are over all replicas; what L1 and the index hold is this replica's. */
export async function getCacheStats(
  context: Context,
  _request: GetCacheStatsRequest,
  call: Call,
): Promise<DeepPartial<CacheStats>> {
  const { tenant } = requirePrincipal(call);
  const counts = await context.counts.read(tenant);
  const { entries, bytes } = context.l1.sizeOf(tenant);
  const questions = context.semantic.sizeOf(tenant);
  return {
    l1Hits: BigInt(counts.l1Hits),
    l2Hits: BigInt(counts.l2Hits),
    misses: BigInt(counts.misses),
    stores: BigInt(counts.stores),
    evictions: BigInt(counts.evictions),
    l1Entries: BigInt(entries),
    l1Bytes: BigInt(bytes),
    savedNanoUsd: counts.savedNanoUsd,
    semanticHits: BigInt(counts.semanticHits),
    coalesced: BigInt(counts.coalesced),
    vetoed: BigInt(counts.vetoed),
    semanticEntries: BigInt(questions.entries),
    semanticBytes: BigInt(questions.bytes),
    spentNanoUsd: counts.spentNanoUsd,
  };
}
