import { change, type Draft } from "./draft.ts";
import { takeOutput } from "./gate.ts";
import { retryOrFail } from "./release-step.ts";
import { type StepFailure, stepKey } from "./run-state.ts";
import { workInput } from "./work-input.ts";

/** What a worker reports of a step it was leased. */
export type Result = {
  readonly kind: "result";
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  readonly worker: string;
  readonly output: unknown;
  /** Instead of an output. The code IN_DOUBT: it may have acted, and only a person can find out. */
  readonly failure: StepFailure | undefined;
  readonly costNanoUsd: bigint;
  readonly durationMs: number;
  /** Of an agent's answer, 0 to 1; undefined where nothing was scored. */
  readonly quality?: number | undefined;
};

/** Whether the result counts, now or already before: false for a stale one. */
export function applyResult(draft: Draft, result: Result): boolean {
  const step = draft.steps.get(stepKey(result.node, result.shard));
  const planned = draft.plan.byId.get(result.node);
  if (!step || !planned || result.epoch <= 0) return false;
  if (step.doneEpoch === result.epoch) return true;
  if (step.state !== "running" || step.epoch !== result.epoch || step.worker !== result.worker) {
    draft.notes.push("stale-result");
    return false;
  }
  const counted = change(draft, step, {
    doneEpoch: result.epoch,
    costNanoUsd: step.costNanoUsd + result.costNanoUsd,
  });
  draft.run = { ...draft.run, costNanoUsd: draft.run.costNanoUsd + result.costNanoUsd };
  const { failure, output, durationMs, quality } = result;
  if (failure) retryOrFail(draft, planned, counted, failure, () => workInput(draft, planned, counted));
  else takeOutput(draft, planned, counted, output, { attempt: step.attempt, durationMs }, quality);
  return true;
}
