import { andBehind, waitsFor } from "./plan/behind.ts";
import type { Plan } from "./plan.ts";
import { type NewRun, newRun, newStep, type RunState, type StepState } from "./run-state.ts";
import type { StepDetail } from "./step-detail.ts";

export type Rerun = {
  readonly run: RunState;
  /** For the input `start`: steps that the new run has from the old one. */
  readonly copied: readonly StepState[];
};

/**
 * A new run like an old one. With `from`, steps that are not behind it keep the state and output they had; without,
 * all start anew. What is copied was not done by the new run, so the new run does not undo it.
 *
 * @param plan of the new run, which may be a newer version
 * @param run the new run, with its input
 */
export function rerunState(old: RunState, plan: Plan, from: string | undefined, run: NewRun): Rerun {
  const copied = new Map<string, StepState>();
  const behind = from === undefined ? undefined : andBehind(plan, [from]);
  for (const planned of behind ? plan.steps : []) {
    const { id } = planned.spec;
    const step = old.steps.get(id);
    if (!step || behind?.has(id) || !isKept(step)) continue;
    if (waitsFor(planned).every((needed) => copied.has(needed))) copied.set(id, copyOf(step));
  }
  return { run: newRun(run), copied: [...copied.values()] };
}

function isKept({ state, detail }: StepState): boolean {
  return state === "succeeded" || state === "skipped" || (state === "cancelled" && detail.notNeeded === true);
}

function copyOf({ node, state, output, failure, startedAtMs, endedAtMs, detail }: StepState): StepState {
  return { ...newStep(node), state, output, failure, startedAtMs, endedAtMs, detail: keptDetail(detail) };
}

function keptDetail({ target, gate, counts, failures, chosen, notTaken, notNeeded }: StepDetail): StepDetail {
  return {
    ...(target !== undefined && { target }),
    ...(gate !== undefined && { gate }),
    ...(counts !== undefined && { counts }),
    ...(failures !== undefined && { failures }),
    ...(chosen !== undefined && { chosen }),
    ...(notTaken !== undefined && { notTaken }),
    ...(notNeeded !== undefined && { notNeeded }),
  };
}
