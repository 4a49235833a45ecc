import { LRUCache } from "lru-cache";

/** Requests of a scope that Redis has counted already and this replica may still pass. */
export type Lease = { tokens: number; readonly bucket: number; readonly untilMs: number };

export type Leases = {
  /** How many to ask for: none while some are held or on their way. */
  want(key: string, limit: number, nowMs: number): number;
  granted(key: string, lease: Lease | undefined): void;
  /** One from every scope, or none. */
  takeAll(keys: readonly string[], nowMs: number): boolean;
  /** All that is left, which is then no longer held. */
  drain(nowMs: number): [string, Lease][];
};

const MAX_LEASES = 50_000;

export function createLeases(share: number): Leases {
  const held = new LRUCache<string, Lease>({ max: MAX_LEASES });
  const asked = new Set<string>();

  function live(key: string, nowMs: number): Lease | undefined {
    const lease = held.get(key);
    return lease && lease.tokens > 0 && lease.untilMs > nowMs ? lease : undefined;
  }

  return {
    want(key, limit, nowMs) {
      // An emptied lease is not filled up again in its window: what is left is for whoever comes first.
      const lease = held.get(key);
      if ((lease && lease.untilMs > nowMs) || asked.has(key)) return 0;
      const tokens = Math.floor(limit * share);
      if (tokens > 0) asked.add(key);
      return tokens;
    },
    granted(key, lease) {
      asked.delete(key);
      if (lease) held.set(key, lease);
    },
    takeAll(keys, nowMs) {
      const leases = keys.map((key) => live(key, nowMs));
      if (leases.some((lease) => lease === undefined)) return false;
      for (const lease of leases) if (lease) lease.tokens -= 1;
      return true;
    },
    drain(nowMs) {
      const left = [...held.entries()].filter(([key]) => live(key, nowMs));
      held.clear();
      return left;
    },
  };
}
