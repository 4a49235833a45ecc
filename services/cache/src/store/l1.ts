import { LRUCache } from "lru-cache";
import type { Entry } from "../domain/entry.ts";

export type L1 = {
  get(partition: string, hash: string): Entry | undefined;
  set(partition: string, hash: string, tenant: string, entry: Entry, nowMs: number): void;
  /** What a tenant holds. */
  sizeOf(tenant: string): { entries: number; bytes: number };
};

type Kept = { readonly tenant: string; readonly entry: Entry };

// What an entry costs beside its value: key, objects, the list's own node.
const OVERHEAD_BYTES = 512;

/** Answers in process memory, bounded by number and bytes; the least recently used goes first. */
export function createL1(options: {
  maxEntries: number;
  maxBytes: number;
  ttlS: number;
  onEvict: (tenant: string) => void;
}): L1 {
  const kept = new LRUCache<string, Kept>({
    max: options.maxEntries,
    maxSize: options.maxBytes,
    sizeCalculation: ({ entry }) => entry.value.length + OVERHEAD_BYTES,
    dispose: ({ tenant }, _key, reason) => {
      if (reason === "evict") options.onEvict(tenant);
    },
  });
  return {
    get: (partition, hash) => kept.get(`${partition}:${hash}`)?.entry,
    set(partition, hash, tenant, entry, nowMs) {
      const ttl = Math.min(options.ttlS * 1000, entry.expiresAtMs - nowMs);
      if (ttl > 0) kept.set(`${partition}:${hash}`, { tenant, entry }, { ttl });
    },
    sizeOf(tenant) {
      let entries = 0;
      let bytes = 0;
      for (const held of kept.values()) {
        if (held.tenant !== tenant) continue;
        entries += 1;
        bytes += held.entry.value.length + OVERHEAD_BYTES;
      }
      return { entries, bytes };
    },
  };
}
