import { decodeEntry, type Entry, encodeEntry } from "../domain/entry.ts";
import type { RedisLink } from "./redis.ts";

type Place = { readonly partition: string; readonly hash: string };

export type L2 = {
  /**
   * In the order of the places; an entry that cannot be read is none.
   *
   * @param isFresh what is read already does not do: it may have been asked for before something else happened
   * @throws AppError UNAVAILABLE
   */
  get(places: readonly Place[], isFresh?: boolean): Promise<(Entry | undefined)[]>;
  /** @throws AppError UNAVAILABLE, also when Redis is full */
  set(entries: readonly { readonly place: Place; readonly entry: Entry }[], nowMs: number): Promise<void>;
};

/** Answers in Redis under `c:<tenant>:<epoch>:<hash>`: a partition is a prefix, so no lookup can leave it. */
export function createL2(redis: RedisLink, limits: { maxValueBytes: number; compressAboveBytes: number }): L2 {
  /** Under way: a thousand lookups of one answer at once read it once. */
  const reading = new Map<string, Promise<Entry | undefined>>();

  function read(keys: readonly string[]): void {
    const found = redis.run((client) => client.mgetBuffer([...keys]));
    for (const [index, key] of keys.entries()) {
      const entry = found.then((all) => decode(all[index] ?? null)).finally(() => reading.delete(key));
      reading.set(key, entry);
    }
  }

  async function decode(bytes: Buffer | null): Promise<Entry | undefined> {
    return bytes ? await decodeEntry(bytes, limits.maxValueBytes).catch(() => undefined) : undefined;
  }

  return {
    async get(places, isFresh = false) {
      const keys = places.map(keyOf);
      const missing = [...new Set(keys.filter((key) => isFresh || !reading.has(key)))];
      if (missing.length > 0) read(missing);
      return await Promise.all(keys.map((key) => reading.get(key)));
    },
    async set(entries, nowMs) {
      const encoded = await Promise.all(entries.map(({ entry }) => encodeEntry(entry, limits.compressAboveBytes)));
      await redis.run(async (client) => {
        const pipeline = client.pipeline();
        for (const [index, { place, entry }] of entries.entries()) {
          const livesMs = Math.max(1, entry.expiresAtMs - nowMs);
          pipeline.set(keyOf(place), encoded[index] ?? "", "PX", livesMs);
        }
        for (const [error] of (await pipeline.exec()) ?? []) if (error) throw error;
      });
    },
  };
}

function keyOf({ partition, hash }: Place): string {
  return `c:${partition}:${hash}`;
}
