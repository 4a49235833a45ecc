import { loadConfig } from "@agentmesh/config";
import { meshSettings, redisSettings } from "@agentmesh/service";
import { z } from "zod";

export const configSchema = z.strictObject({
  ...meshSettings,
  redis: redisSettings.extend({
    /** A command that takes longer counts as a miss, in milliseconds. Default 50. */
    timeoutMs: z.int().min(1).max(5_000).default(50),
  }),
  l1: z
    .strictObject({
      maxEntries: z.int().min(1).default(1_000),
      /** Default 64 MiB. */
      maxBytes: z
        .int()
        .min(1)
        .default(64 * 1024 * 1024),
      /** The longest an answer stays in process, in seconds. Default 300. */
      ttlS: z.int().min(1).default(300),
    })
    .prefault({}),
  l2: z
    .strictObject({
      /** For answers stored without a time to live, in seconds. Default 3 600. */
      defaultTtlS: z.int().min(1).default(3_600),
      /** No answer lives longer, in seconds. Default 7 days. */
      maxTtlS: z.int().min(1).default(604_800),
      /** Larger answers are not stored. Default 1 MiB. */
      maxValueBytes: z
        .int()
        .min(1)
        .default(1024 * 1024),
      /** Larger answers are compressed. Default 1 KiB. */
      compressAboveBytes: z.int().min(0).default(1024),
    })
    .prefault({}),
});

export type CacheConfig = z.infer<typeof configSchema>;

export function loadCacheConfig(): CacheConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
