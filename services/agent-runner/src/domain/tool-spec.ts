import { z } from "zod";

const document = z.strictObject({
  id: z.string().min(1).max(256),
  title: z.string().max(1_000).default(""),
  text: z.string(),
});

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const source = z.discriminatedUnion("type", [
  /** Search by words (BM25); the argument is `query`. */
  z.strictObject({
    type: z.literal("documents"),
    documents: z.array(document).min(1).max(5_000),
    /** Results at most. */
    top: z.int().min(1).max(20).default(3),
  }),
  /** A row by its key; the argument is named as the key column. */
  z.strictObject({
    type: z.literal("table"),
    key: z.string().min(1).max(64),
    rows: z.array(z.record(z.string(), z.union([scalar, z.array(scalar)]))).max(10_000),
  }),
  /** One declared request; `{name}` in path and query is an argument, all others are the JSON body. */
  z.strictObject({
    type: z.literal("http"),
    method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
    url: z.string().max(2_000),
    headers: z.record(z.string().regex(/^[A-Za-z0-9-]{1,64}$/), z.string().max(4_096)).default({}),
  }),
  /** Answers its arguments. */
  z.strictObject({ type: z.literal("identity") }),
]);

/** A Tool as it is declared. */
export const toolSpec = z.strictObject({
  /** What the model reads to decide whether to call it. */
  description: z.string().min(1).max(4_000),
  /** `read` changes nothing; `idempotent` may be repeated; `effectful` may not. */
  effect: z.enum(["read", "idempotent", "effectful"]),
  /** JSON Schema (2020-12) of the arguments, an object. */
  parameters: z.record(z.string(), z.unknown()),
  timeoutMs: z.int().min(10).max(120_000).default(5_000),
  source,
});

export type ToolSpec = z.infer<typeof toolSpec>;
export type ToolSource = ToolSpec["source"];
export type ToolEffect = ToolSpec["effect"];
