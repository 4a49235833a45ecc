import type { Draft } from "./draft.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import type { StepState } from "./run-state.ts";
import { scopeOf } from "./scope.ts";
import { itemInput } from "./steps/map.ts";

/** The input of a step that is tried again, made from what it was made from: what a step depends on never changes. */
export function workInput(draft: Draft, planned: PlannedStep, step: StepState): unknown {
  return step.shard > 0 ? itemInput(draft, planned, step.shard) : planned.input(scopeOf(draft));
}
