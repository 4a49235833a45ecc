import { LRUCache } from "lru-cache";

/** Rows read lately. Absence is not remembered: what was just made is found at once. */
export type Remembered<T extends object> = {
  get(key: string): Promise<T | undefined>;
  forget(key: string): void;
};

// What one replica changes, its peers see within this time without a word between them; a thousand calls a second of
// one account still cost one query a second.
const REMEMBER_MS = 1_000;
const MAX_REMEMBERED = 10_000;

/** @param read the row of a key; concurrent askers share one reading */
export function remember<T extends object>(read: (key: string) => Promise<T | undefined>): Remembered<T> {
  const rows = new LRUCache<string, T>({ max: MAX_REMEMBERED, ttl: REMEMBER_MS, fetchMethod: (key) => read(key) });
  return {
    get: (key) => rows.fetch(key),
    forget: (key) => {
      rows.delete(key);
    },
  };
}
