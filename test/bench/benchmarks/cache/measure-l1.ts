import { createL1 } from "@agentmesh/cache/l1";
import { LRUCache } from "lru-cache";

const entries = 1_000;
const gets = 1_000_000;

const partition = "bench:1.1";
const hashes = Array.from({ length: entries }, (_, index) => String(index).padStart(64, "0"));
const value = Buffer.alloc(500);

/** Microseconds of one get that hits. */
export function measureL1(): number {
  const l1 = createL1({ maxEntries: entries, maxBytes: 64 * 1024 * 1024, ttlS: 300, onEvict: () => undefined });
  const nowMs = Date.now();
  const entry = { value, costNanoUsd: 1n, storedAtMs: nowMs, expiresAtMs: nowMs + 3_600_000, tags: {} };
  for (const hash of hashes) l1.set(partition, hash, "bench", entry, nowMs);
  return microsecondsOf((hash) => l1.get(partition, hash));
}

/** The same with a bare lru-cache and a key that needs no joining. */
export function measureBareLru(): number {
  const lru = new LRUCache<string, Buffer>({ max: entries });
  for (const hash of hashes) lru.set(hash, value);
  return microsecondsOf((hash) => lru.get(hash));
}

function microsecondsOf(get: (hash: string) => unknown): number {
  let found = 0;
  const began = performance.now();
  for (let at = 0; at < gets; at++) if (get(hashes[at % entries] ?? "") !== undefined) found += 1;
  const tookMs = performance.now() - began;
  if (found !== gets) throw new Error(`${found} of ${gets} gets found something`);
  return (tookMs * 1000) / gets;
}
