import { z } from "zod";
import { resourceName } from "./resource-name.ts";

/** `default` or `provider/model`. */
export const DEFAULT_MODEL = "default";

const modelName = z.string().regex(/^(default|[a-z0-9-]+\/[\w.:@/-]{1,128})$/, 'must be "default" or "provider/model"');

/** Above it, one asking is answered so differently from the next that other wordings must not share an answer. */
const MAX_SEMANTIC_TEMPERATURE = 0.2;

/** An Agent as it is declared. */
export const agentSpec = z
  .strictObject({
    description: z.string().max(2_000).default(""),
    /** `default` or `provider/model`. */
    model: modelName.default(DEFAULT_MODEL),
    /** Models asked in this order when one before them fails or cannot do what a task asks. */
    fallbacks: z.array(modelName).max(5).default([]),
    /** Given, it takes the place of `model`: a cheap one for tasks below the threshold, a strong one for the rest. */
    modelChoice: z
      .strictObject({
        simple: modelName,
        complex: modelName,
        /** Of the complexity score, 0 to 1. Default 0.5. */
        threshold: z.number().min(0).max(1).default(0.5),
      })
      .optional(),
    instructions: z.string().min(1).max(64_000),
    /** Names of Tool resources. */
    tools: z
      .array(resourceName)
      .max(64)
      .refine((names) => new Set(names).size === names.length, "must not name a tool twice")
      .default([]),
    /** How it thinks before it answers; both can be combined. What it thought and planned is kept with the run. */
    reasoning: z
      .array(z.enum(["chain-of-thought", "plan-and-solve"]))
      .max(2)
      .refine((strategies) => new Set(strategies).size === strategies.length, "must not name a strategy twice")
      .default([]),
    /** JSON Schema (2020-12) of the answer; without one the answer is text. */
    output: z.record(z.string(), z.unknown()).optional(),
    temperature: z.number().min(0).max(2).default(0.1),
    /** Most tokens one model call may produce. */
    maxTokens: z.int().min(1).max(1_000_000).default(2_048),
    limits: z
      .strictObject({
        /** Model calls of a run, those that think, plan or repair its output not counted; with a plan, of each step. */
        turns: z.int().min(1).max(100).default(10),
        /** Of one model call, in milliseconds. The run as a whole is bounded by its caller's deadline. */
        timeoutMs: z.int().min(100).max(600_000).default(30_000),
        /** Further tries of a model call that failed in a way that may pass. */
        retries: z.int().min(0).max(10).default(3),
      })
      .prefault({}),
    batch: z
      .strictObject({
        /** Inputs of one batch that are run at a time; a request may ask for fewer. */
        size: z.int().min(1).max(100).default(10),
      })
      .prefault({}),
    /** How answers are scored, 0 to 1; the score is kept with the run. */
    quality: z
      .strictObject({
        /** An agent that is asked as well: it reads `{task, answer}` and answers with a `score` of 0 to 1. */
        judge: resourceName.optional(),
        minChars: z.int().min(0).max(1_000_000).default(1),
        maxChars: z.int().min(1).max(1_000_000).default(100_000),
        /** Whether answers must name the sources that tools gave them. Default false. */
        citations: z.boolean().default(false),
      })
      .prefault({}),
    memory: z
      .strictObject({
        /** Whether runs may name a session, whose turns are told to the model. */
        session: z.boolean().default(true),
        /** All users of the agent share a session of one name; else each has their own. */
        shared: z.boolean().default(false),
        /** Turns told as they were; beyond them, or beyond `maxBytes`, the older ones are summarised. */
        maxTurns: z.int().min(2).max(200).default(20),
        maxBytes: z.int().min(1_000).max(1_000_000).default(32_000),
        /** Keeps what users say of themselves, and recalls what fits the input. */
        longTerm: z.boolean().default(false),
        /** Most facts that are recalled. */
        recall: z.int().min(1).max(20).default(5),
      })
      .prefault({}),
    cache: z
      .strictObject({
        /** `semantic`: another wording of a question gets its answer too; for agents without effects, of one turn. */
        mode: z.enum(["exact", "semantic", "off"]).default("exact"),
        ttlS: z.int().min(1).max(604_800).default(3_600),
        /** Of `semantic`: how alike two questions are at least, 0.5 to 1; the cache's own default is 0.85. */
        threshold: z.number().min(0.5).max(1).optional(),
      })
      .prefault({}),
  })
  .superRefine(({ cache, temperature }, issues) => {
    if (cache.mode !== "semantic" || temperature <= MAX_SEMANTIC_TEMPERATURE) return;
    const message = `may be "semantic" up to a temperature of ${MAX_SEMANTIC_TEMPERATURE}, which is ${temperature} here`;
    issues.addIssue({ code: "custom", path: ["cache", "mode"], message });
  });

export type AgentSpec = z.infer<typeof agentSpec>;

/** All that a run of the agent may ask, each once. */
export function modelsOf({ model, modelChoice, fallbacks }: AgentSpec): string[] {
  const first = modelChoice ? [modelChoice.simple, modelChoice.complex] : [model];
  return [...new Set([...first, ...fallbacks])];
}
