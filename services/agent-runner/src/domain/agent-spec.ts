import { z } from "zod";

export const resourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'must be 1 to 63 of a-z, 0-9, "-" and "_", starting with a letter or digit');

/** `default` or `provider/model`. */
export const DEFAULT_MODEL = "default";

/** An Agent as it is declared. */
export const agentSpec = z.strictObject({
  description: z.string().max(2_000).default(""),
  /** `default` or `provider/model`. */
  model: z
    .string()
    .regex(/^(default|[a-z0-9-]+\/[\w.:@/-]{1,128})$/, 'must be "default" or "provider/model"')
    .default(DEFAULT_MODEL),
  instructions: z.string().min(1).max(64_000),
  /** Names of Tool resources. */
  tools: z
    .array(resourceName)
    .max(64)
    .refine((names) => new Set(names).size === names.length, "must not name a tool twice")
    .default([]),
  /** JSON Schema (2020-12) of the answer; without one the answer is text. */
  output: z.record(z.string(), z.unknown()).optional(),
  temperature: z.number().min(0).max(2).default(0.1),
  /** Most tokens one model call may produce. */
  maxTokens: z.int().min(1).max(1_000_000).default(2_048),
  limits: z
    .strictObject({
      /** Model calls of a run, those that repair its output not counted. */
      turns: z.int().min(1).max(100).default(10),
      /** Of one model call, in milliseconds. The run as a whole is bounded by its caller's deadline. */
      timeoutMs: z.int().min(100).max(600_000).default(30_000),
      /** Further tries of a model call that failed in a way that may pass. */
      retries: z.int().min(0).max(10).default(3),
    })
    .prefault({}),
  cache: z
    .strictObject({
      mode: z.enum(["exact", "off"]).default("exact"),
      ttlS: z.int().min(1).max(604_800).default(3_600),
    })
    .prefault({}),
});

export type AgentSpec = z.infer<typeof agentSpec>;
