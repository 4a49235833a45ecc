import { decodeEntry, type Entry, encodeEntry } from "../domain/entry.ts";
import type { RedisLink } from "./redis.ts";

export type L2 = {
  /** @throws AppError UNAVAILABLE or DATA_LOSS */
  get(partition: string, hash: string): Promise<Entry | undefined>;
  /** @throws AppError UNAVAILABLE, also when Redis is full */
  set(partition: string, hash: string, entry: Entry, nowMs: number): Promise<void>;
};

/** Answers in Redis under `c:<tenant>:<epoch>:<hash>`: a partition is a prefix, so no lookup can leave it. */
export function createL2(redis: RedisLink, limits: { maxValueBytes: number; compressAboveBytes: number }): L2 {
  return {
    async get(partition, hash) {
      const bytes = await redis.run((client) => client.getBuffer(`c:${partition}:${hash}`));
      return bytes ? await decodeEntry(bytes, limits.maxValueBytes) : undefined;
    },
    async set(partition, hash, entry, nowMs) {
      const bytes = await encodeEntry(entry, limits.compressAboveBytes);
      const livesMs = Math.max(1, entry.expiresAtMs - nowMs);
      await redis.run((client) => client.set(`c:${partition}:${hash}`, bytes, "PX", livesMs));
    },
  };
}
