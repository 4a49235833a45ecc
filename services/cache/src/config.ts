import { loadConfig } from "@agentmesh/config";
import { meshSettings, redisSettings } from "@agentmesh/service";
import { z } from "zod";

export const configSchema = z.strictObject({
  ...meshSettings,
  redis: redisSettings.extend({
    /** What takes Redis longer counts as a miss, in milliseconds. Default 100. */
    timeoutMs: z.int().min(1).max(5_000).default(100),
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
  semantic: z
    .strictObject({
      /** From which score another wording is answered, where the agent gives none. Default 0.85. */
      threshold: z.number().min(0.5).max(1).default(0.85),
      /** Neighbours that are looked at more closely. Default 5. */
      candidates: z.int().min(1).max(50).default(5),
      /** Questions of one partition. Default 10 000. */
      maxEntries: z.int().min(1).default(10_000),
      /** Vectors and texts of all partitions in process memory. Default 64 MiB. */
      maxBytes: z
        .int()
        .min(1)
        .default(64 * 1024 * 1024),
      /** Longer questions are looked up exactly. Default 1 000. */
      maxTextChars: z.int().min(1).default(1_000),
      /** Share of an entry's first hits that are answered anew, to see whether it errs. Default 0.02. */
      exploreShare: z.number().min(0).max(1).default(0.02),
      embedder: z
        .strictObject({
          /** Of an endpoint with OpenAI's `/embeddings`; empty: the lexical embedder, which needs none. */
          baseUrl: z
            .union([z.literal(""), z.url()])
            .nullish()
            .default(""),
          apiKey: z
            .string()
            .nullish()
            .transform((key) => key ?? ""),
          model: z.string().min(1).default("text-embedding-3-small"),
          /** Under which name its model has a price. Default `openai`. */
          provider: z.string().min(1).default("openai"),
          /** Whether a call costs money, and is held and settled with cost. Default true; false for one of your own. */
          charged: z.boolean().default(true),
          dimensions: z.int().min(8).max(4_096).default(384),
          /** Default 300. */
          timeoutMs: z.int().min(1).max(1_500).default(300),
        })
        .prefault({}),
    })
    .prefault({}),
  peers: z
    .strictObject({
      /** Of cost, where the embedder is charged. */
      cost: z
        .string()
        .nullish()
        .transform((address) => address ?? ""),
    })
    .prefault({}),
  flights: z
    .strictObject({
      /** How long a caller that makes an answer may be silent before another one makes it. Default 15 000. */
      leaseMs: z.int().min(500).default(15_000),
    })
    .prefault({}),
});

/** As it is written: what has a default may be left out. */
export type CacheSettings = z.input<typeof configSchema>;
export type CacheConfig = z.infer<typeof configSchema>;

export function loadCacheConfig(): CacheConfig {
  return loadConfig(new URL("../config.yaml", import.meta.url), configSchema, process.env);
}
