import { z } from "zod";
import { conditionSchema } from "./condition.ts";

const DAY_MS = 24 * 3600 * 1000;
/** Retention counts on it: what is older than this has ended. */
export const MAX_DEADLINE_MS = 7 * DAY_MS;
const MAX_STEPS = 100;

const resourceName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "expected 1 to 63 of a-z, 0-9, - and _, starting with a letter or digit");

const stepId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/, "expected 1 to 63 of letters, digits, - and _, as it stands in paths");

/** Dotted words, as in subjects: `ticket.opened`. */
export const eventType = z
  .string()
  .max(100)
  .regex(/^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/, "expected dotted words of a-z, 0-9, - and _, such as ticket.opened");

const retry = z.strictObject({
  /** Tries in all, the first included. */
  attempts: z.int().min(1).max(20).default(3),
  delayMs: z.int().min(0).max(DAY_MS).default(1000),
  multiplier: z.number().min(1).max(10).default(2),
  maxDelayMs: z.int().min(0).max(DAY_MS).default(10_000),
});

const gate = z.strictObject({
  /** A path to a number; `$.output` is what the step just gave. */
  value: z.string(),
  atLeast: z.number().default(0.8),
  onFail: z.enum(["fail", "continue", "retry"]).default("fail"),
  /** Further tries with `onFail: retry`; after them the step fails. */
  retries: z.int().min(1).max(10).default(1),
});

const anyStep = {
  id: stepId,
  description: z.string().max(2000).default(""),
  dependsOn: z.array(stepId).max(MAX_STEPS).default([]),
  when: conditionSchema.optional(),
  input: z.unknown().optional(),
};

const workStep = {
  ...anyStep,
  gate: gate.optional(),
  retry: retry.prefault({}),
  /** Of one attempt, from the claim; the worker is told and the orchestrator checks. */
  timeoutMs: z.int().min(100).max(DAY_MS).default(60_000),
  /** continue: what depends on the step runs although it failed. */
  onFailure: z.enum(["fail", "continue"]).default("fail"),
};

const stepSpec = z.discriminatedUnion("kind", [
  z.strictObject({ ...workStep, kind: z.literal("agent"), agent: resourceName }),
  z.strictObject({ ...workStep, kind: z.literal("tool"), tool: resourceName }),
  z.strictObject({
    ...anyStep,
    kind: z.literal("emit"),
    event: z.strictObject({
      type: eventType,
      /** Text or path; the last token of the subject. Default: the run's id. */
      key: z.string().max(200).optional(),
    }),
  }),
]);

export const workflowSpec = z.strictObject({
  description: z.string().max(2000).default(""),
  /** JSON Schema (2020-12) of the input. */
  input: z.record(z.string(), z.unknown()).default({}),
  deadlineMs: z.int().min(1000).max(MAX_DEADLINE_MS).default(300_000),
  /** 0 (lowest) to 9. */
  priority: z.int().min(0).max(9).default(5),
  steps: z.array(stepSpec).min(1).max(MAX_STEPS),
  /** Mapping of the run's output. Default: null. */
  output: z.unknown().optional(),
});

export type WorkflowSpec = z.infer<typeof workflowSpec>;
export type StepSpec = WorkflowSpec["steps"][number];
export type WorkSpec = Exclude<StepSpec, { kind: "emit" }>;

export const triggerSpec = z.strictObject({
  event: z.strictObject({
    type: eventType,
    publisher: resourceName,
  }),
  workflow: resourceName,
  /** Service account the runs act for. */
  runAs: resourceName,
  maxBytes: z.int().min(1).max(1_000_000).default(131_072),
  /** Mapping of the run's input over { id, source, type, subject, time, data }. */
  input: z.unknown().default("$.data"),
});

export type TriggerSpec = z.infer<typeof triggerSpec>;
