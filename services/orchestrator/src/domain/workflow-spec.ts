import { z } from "zod";
import { approvalStep, branchStep, emitStep, routeStep, waitStep } from "./spec/flow-steps.ts";
import { MAX_DEADLINE_MS, MAX_STEPS } from "./spec/step-parts.ts";
import { agentStep, gatherStep, mapStep, teamStep, toolStep, workflowStep } from "./spec/work-steps.ts";

const stepSpec = z.discriminatedUnion("kind", [
  agentStep,
  toolStep,
  workflowStep,
  teamStep,
  mapStep,
  gatherStep,
  branchStep,
  approvalStep,
  waitStep,
  emitStep,
  routeStep,
]);

export const workflowSpec = z
  .strictObject({
    description: z.string().max(2000).default(""),
    /** JSON Schema (2020-12) of the input. */
    input: z.record(z.string(), z.unknown()).default({}),
    deadlineMs: z.int().min(1000).max(MAX_DEADLINE_MS).default(300_000),
    /** When it is expected to end, from its start; that it will be late is said before it is. */
    slaMs: z.int().min(1).max(MAX_DEADLINE_MS).optional(),
    /** 0 (lowest) to 9. */
    priority: z.int().min(0).max(9).default(5),
    steps: z.array(stepSpec).min(1).max(MAX_STEPS),
    /** Mapping of the run's output. Default: null. */
    output: z.unknown().optional(),
  })
  .refine((spec) => spec.slaMs === undefined || spec.slaMs < spec.deadlineMs, {
    path: ["slaMs"],
    error: "slaMs is when the run should end and must be below deadlineMs, when it must",
  });

export type WorkflowSpec = z.infer<typeof workflowSpec>;
export type StepSpec = WorkflowSpec["steps"][number];
export type StepKind = StepSpec["kind"];
export type SpecOf<Kind extends StepKind> = Extract<StepSpec, { kind: Kind }>;
