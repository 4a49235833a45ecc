import { change, type Draft, SETTLED, say, tally } from "../draft.ts";
import { stopChild } from "../ending.ts";
import { takeOutput } from "../gate.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import { retryOrFail } from "../release-step.ts";
import { type StepFailure, type StepState, stepKey } from "../run-state.ts";
import { timeoutOf } from "../step-work.ts";
import { workInput } from "../work-input.ts";

// A child run: its step unlocks by asking for the run, waits, and settles with the child's end or when its time is over.

/** A child run came to its end, or could not be started (failed). */
export type ChildEnded = {
  readonly kind: "child-ended";
  readonly node: string;
  readonly shard: number;
  readonly child: string;
  readonly phase: "succeeded" | "failed" | "cancelled";
  readonly output: unknown;
  readonly failure: StepFailure | undefined;
  readonly costNanoUsd: bigint;
};

/** Whether the end is that of the child the step waits for, now or already before. */
export function childEnded(draft: Draft, ended: ChildEnded): boolean {
  const step = draft.steps.get(stepKey(ended.node, ended.shard));
  const planned = draft.plan.byId.get(ended.node);
  if (!step || !planned || step.detail.child !== ended.child) return false;
  if (step.state !== "waiting") return step.state === "succeeded" || step.state === "failed";
  const counted = change(draft, step, { costNanoUsd: step.costNanoUsd + ended.costNanoUsd });
  draft.run = { ...draft.run, costNanoUsd: draft.run.costNanoUsd + ended.costNanoUsd };
  if (ended.phase === "succeeded") takeOutput(draft, planned, counted, ended.output, {});
  else if (draft.run.phase === "compensating" && ended.phase === "cancelled") cancelChild(draft, counted);
  else retryOrFail(draft, planned, counted, failureOf(ended), () => workInput(draft, planned, counted));
  return true;
}

/** It has undone what it did itself. */
function cancelChild(draft: Draft, step: StepState): void {
  const { child: _, ...detail } = step.detail;
  change(draft, step, { ...SETTLED, state: "cancelled", endedAtMs: draft.environment.nowMs, detail });
  if (step.shard === 0) say(draft, "step.cancelled", step.node);
  else
    tally(draft, step.node, { failure: { index: step.shard - 1, code: "CANCELLED", message: "its run was stopped" } });
}

/** A whole run may fail by chance, as an attempt may; one that somebody cancelled is not tried again. */
function failureOf({ child, phase, failure }: ChildEnded): StepFailure {
  const { code = "UNKNOWN", message = "it gave no reason" } = failure ?? {};
  const retryable = phase === "failed" && code !== "INVALID_ARGUMENT" && code !== "NOT_FOUND";
  return { code, message: `its run ${child} ${phase}: ${message}`, retryable };
}

export function tickChild(draft: Draft, planned: PlannedStep, step: StepState): void {
  if (draft.environment.nowMs < childWakeMs(planned, step)) return;
  stopChild(draft, step);
  draft.notes.push("timed-out");
  const message = `its run did not end within ${timeoutOf(planned)} ms`;
  const failure = { code: "DEADLINE_EXCEEDED", message, retryable: true };
  retryOrFail(draft, planned, step, failure, () => workInput(draft, planned, step));
}

export function childWakeMs(planned: PlannedStep, step: StepState): number {
  return (step.startedAtMs ?? 0) + timeoutOf(planned);
}
