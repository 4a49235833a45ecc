import { decodeEntry, type Entry, encodeEntry } from "../domain/entry.ts";
import type { RedisLink } from "./redis.ts";

type Place = { readonly partition: string; readonly hash: string };

export type L2 = {
  /** In the order of the places; an entry that cannot be read is none. @throws AppError UNAVAILABLE */
  get(places: readonly Place[]): Promise<(Entry | undefined)[]>;
  /** @throws AppError UNAVAILABLE, also when Redis is full */
  set(entries: readonly { readonly place: Place; readonly entry: Entry }[], nowMs: number): Promise<void>;
};

/** Answers in Redis under `c:<tenant>:<epoch>:<hash>`: a partition is a prefix, so no lookup can leave it. */
export function createL2(redis: RedisLink, limits: { maxValueBytes: number; compressAboveBytes: number }): L2 {
  return {
    async get(places) {
      const found = await redis.run((client) => client.mgetBuffer(places.map(keyOf)));
      return Promise.all(
        found.map((bytes) => (bytes ? decodeEntry(bytes, limits.maxValueBytes).catch(() => undefined) : undefined)),
      );
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
