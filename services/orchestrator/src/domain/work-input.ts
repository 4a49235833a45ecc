import type { Draft } from "./draft.ts";
import { storedInput } from "./loaded.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import type { StepState } from "./run-state.ts";
import { scopeOf } from "./scope.ts";
import { itemInput } from "./steps/map.ts";

/**
 * The input of a step that is tried again, made from what it was made from: what a step depends on never changes. What a
 * gate changed was made from an output that is gone, so it is kept.
 */
export function workInput(draft: Draft, planned: PlannedStep, step: StepState): unknown {
  if (step.gateRetries > 0 && planned.gate?.change) return storedInput(draft, step);
  return step.shard > 0 ? itemInput(draft, planned, step.shard) : planned.input(scopeOf(draft));
}
