import { conditionSchema } from "@agentmesh/mapping";
import { z } from "zod";

export const DAY_MS = 24 * 3600 * 1000;
/** Retention counts on it: what is older than this has ended. */
export const MAX_DEADLINE_MS = 7 * DAY_MS;
export const MAX_STEPS = 200;

export const resourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "expected 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit");

/** Of an agent, tool or team; or a path to one. */
export const target = z
  .string()
  .regex(
    /^(\$\.\S{1,300}|[a-z0-9][a-z0-9_-]{0,62})$/,
    "expected a name of a-z, 0-9, - and _, or a path such as $.steps.route.output.chosen",
  );

/** Teams are workflows named `team:<name>`. */
export const workflowTarget = z
  .string()
  .regex(
    /^(\$\.\S{1,300}|(team:)?[a-z0-9][a-z0-9_-]{0,62})$/,
    "expected a name of a-z, 0-9, - and _, or a path such as $.steps.route.output.chosen",
  );

export const stepId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, "expected 1 to 63 of letters, digits, - and _, as it stands in paths");

const dependency = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}(:[A-Za-z0-9][A-Za-z0-9_-]{0,62})?$/,
    "expected a step's id, or branch:case for a case of a branch",
  );

/** Dotted words, as in subjects: `ticket.opened`. */
export const eventType = z
  .string()
  .max(100)
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, "expected dotted words of a-z, 0-9, - and _, such as ticket.opened");

export const anyStep = {
  id: stepId,
  description: z.string().max(2000).default(""),
  /** Ids, or `branch:case`: then the step runs only when the branch takes that case. */
  dependsOn: z.array(dependency).max(MAX_STEPS).default([]),
  when: conditionSchema.optional(),
  input: z.unknown().optional(),
};

/** continue: what depends on the step runs although it failed. */
export const onFailure = { onFailure: z.enum(["fail", "continue"]).default("fail") };

export const retry = z.strictObject({
  /** Tries in all, the first included. */
  attempts: z.int().min(1).max(20).default(3),
  delayMs: z.int().min(0).max(DAY_MS).default(1000),
  multiplier: z.number().min(1).max(10).default(2),
  maxDelayMs: z.int().min(0).max(DAY_MS).default(10_000),
});

export type RetrySpec = z.infer<typeof retry>;

/** Of one attempt, from the claim; the worker is told and the orchestrator checks. */
export const timeoutMs = z.int().min(100).max(DAY_MS);

export const gate = z
  .strictObject({
    /** A path to a number; `$.output` is what the step just gave, `$.quality` how good an agent's answer was found (0 to 1). */
    value: z.string().optional(),
    atLeast: z.number().default(0.8),
    /** Share of these paths that lead to something. */
    completeness: z
      .strictObject({
        required: z.array(z.string()).min(1).max(100),
        atLeast: z.number().min(0).max(1).default(0.8),
      })
      .optional(),
    /** branch: go on, and `$.steps.<id>.gate` says which way. */
    onFail: z.enum(["fail", "continue", "branch", "retry"]).default("fail"),
    /** Further tries with `onFail: retry`; after them the step fails. */
    retries: z.int().min(1).max(10).default(1),
    /** What the value must be on a further try. Default: atLeast - 0.1. */
    retryAtLeast: z.number().optional(),
    /** Mapping of members that replace those of the input on the next try; `$.output` is the output that failed. */
    change: z.record(z.string(), z.unknown()).optional(),
  })
  .refine((found) => found.value !== undefined || found.completeness !== undefined, {
    error: "a gate needs a value or completeness to look at",
  });

export type GateSpec = z.infer<typeof gate>;

export const compensate = z
  .strictObject({
    agent: resourceName.optional(),
    tool: resourceName.optional(),
    /** Mapping as in the step; `$.output` is what the step gave, null when nobody knows what it did. */
    input: z.unknown().optional(),
    timeoutMs: timeoutMs.default(60_000),
    retry: retry.prefault({ attempts: 8, maxDelayMs: 60_000 }),
  })
  .refine((found) => (found.agent === undefined) !== (found.tool === undefined), {
    error: "compensate names exactly one of agent and tool",
  });

export type CompensateSpec = z.infer<typeof compensate>;

/** How many must succeed. Share: the smallest number whose share, rounded to two decimals, reaches it. */
export const success = z
  .strictObject({
    share: z.number().gt(0).max(1).optional(),
    count: z.int().min(1).max(100_000).optional(),
  })
  .refine((found) => (found.share === undefined) !== (found.count === undefined), {
    error: "success names exactly one of share and count",
  });

export type SuccessSpec = z.infer<typeof success>;

export const concurrency = z.int().min(1).max(1000).default(20);
