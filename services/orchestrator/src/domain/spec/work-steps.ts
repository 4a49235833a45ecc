import { z } from "zod";
import {
  anyStep,
  compensate,
  concurrency,
  gate,
  MAX_STEPS,
  onFailure,
  retry,
  stepId,
  success,
  target,
  timeoutMs,
  workflowTarget,
} from "./step-parts.ts";

const calledStep = {
  ...anyStep,
  ...onFailure,
  gate: gate.optional(),
  retry: retry.prefault({}),
  timeoutMs: timeoutMs.default(60_000),
  compensate: compensate.optional(),
};

const childStep = {
  ...anyStep,
  ...onFailure,
  gate: gate.optional(),
  /** A whole run is tried again only when asked for. */
  retry: retry.prefault({ attempts: 1 }),
  /** Of one child run. Default: the run's own deadline. */
  timeoutMs: timeoutMs.optional(),
  compensate: compensate.optional(),
};

export const agentStep = z.strictObject({ ...calledStep, kind: z.literal("agent"), agent: target });
export const toolStep = z.strictObject({ ...calledStep, kind: z.literal("tool"), tool: target });
/** A run of its own. */
export const workflowStep = z.strictObject({ ...childStep, kind: z.literal("workflow"), workflow: workflowTarget });
export const teamStep = z.strictObject({ ...childStep, kind: z.literal("team"), team: target });

/** The same work for each item of a list; `$.item` and `$.index` (from 0) stand in `input`. */
export const mapStep = z
  .strictObject({
    ...anyStep,
    ...onFailure,
    kind: z.literal("map"),
    /** Path to the list. */
    over: z.string().startsWith("$."),
    agent: target.optional(),
    tool: target.optional(),
    workflow: workflowTarget.optional(),
    team: target.optional(),
    /** Items in work at a time. */
    concurrency,
    /** Default: all. */
    success: success.optional(),
    /** Of an item. Default attempts: 3, for workflow and team 1. */
    retry: retry.optional(),
    /** Of an attempt at an item. Default: 60 s, for workflow and team the run's deadline. */
    timeoutMs: timeoutMs.optional(),
    /** Undoes an item; `$.item` and `$.index` stand in its input too. */
    compensate: compensate.optional(),
  })
  .refine(
    (step) => [step.agent, step.tool, step.workflow, step.team].filter((name) => name !== undefined).length === 1,
    {
      error: "a map names exactly one of agent, tool, workflow and team",
    },
  );

/** Waits for several steps, or brings the outputs of a map together, batch by batch and level by level. */
export const gatherStep = z.strictObject({
  ...anyStep,
  ...onFailure,
  kind: z.literal("gather"),
  /** Their failure is this step's to judge. */
  from: z.array(stepId).min(1).max(MAX_STEPS),
  /** Default: all. */
  success: success.optional(),
  /** cancel: as soon as the threshold is certain or impossible, the others are cancelled. */
  rest: z.enum(["await", "cancel"]).default("await"),
  reduce: z
    .strictObject({
      agent: target.optional(),
      tool: target.optional(),
      /** Outputs brought together at a time. */
      batch: z.int().min(2).max(1000).default(50),
      /** Mapping; `$.items` are the outputs, `$.level` counts from 1. */
      input: z.unknown().default({ items: "$.items", level: "$.level" }),
    })
    .refine((found) => (found.agent === undefined) !== (found.tool === undefined), {
      error: "reduce names exactly one of agent and tool",
    })
    .optional(),
  /** Batches in work at a time. */
  concurrency,
  /** Of a batch. */
  retry: retry.prefault({}),
  timeoutMs: timeoutMs.default(60_000),
});
