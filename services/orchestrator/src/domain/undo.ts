import { change, type Draft } from "./draft.ts";
import { finishRun, needsUndo } from "./ending.ts";
import { needUndoable } from "./loaded.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { isInFlight, type StepState, stepKey } from "./run-state.ts";
import { scopeOf } from "./scope.ts";
import { startWork } from "./start-work.ts";
import { isUndo, undoOf } from "./step-work.ts";
import { itemAt } from "./steps/map.ts";

/**
 * Goes on with a run that undoes what it did: one step at a time, what is in doubt first, then from the last that
 * succeeded back to the first. Nothing starts before all that may still act is settled, and an undo that nobody can
 * bring about waits for a person. Whether a step is undone is the state of its undo step.
 */
export function driveUndo(draft: Draft): void {
  // An undo whose input cannot be made is in doubt at once, so this ends with the first that is under way.
  for (const step of draft.steps.values()) {
    if (isInFlight(step.state) || (step.state === "in_doubt" && isUndo(step.node))) return;
  }
  const next = nextToUndo(draft);
  if (next?.planned.undo) startUndo(draft, next.planned, next.planned.undo, next.step);
  else finishRun(draft, draft.run.ending ?? "failed");
}

type Candidate = { readonly step: StepState; readonly planned: PlannedStep };

function nextToUndo(draft: Draft): Candidate | undefined {
  const maps = draft.plan.steps.filter(({ spec, undo }) => undo && spec.kind === "map").map(({ spec }) => spec.id);
  const begun = maps.filter((id) => draft.steps.get(id)?.detail.counts);
  needUndoable(draft, begun);
  let best: Candidate | undefined;
  for (const step of draft.steps.values()) {
    const planned = draft.plan.byId.get(step.node);
    // A map is undone item by item.
    const isHead = planned?.spec.kind === "map" && step.shard === 0;
    if (!planned || isHead || !needsUndo(draft, step)) continue;
    if (draft.steps.has(stepKey(undoOf(step.node), step.shard))) continue;
    if (!best || isBefore(step, best.step)) best = { step, planned };
  }
  return best;
}

function isBefore(a: StepState, b: StepState): boolean {
  const doubtful = (step: StepState) => (step.state === "succeeded" ? 0 : 1);
  const order =
    doubtful(b) - doubtful(a) || b.doneSeq - a.doneSeq || (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0) || b.shard - a.shard;
  return order < 0;
}

function startUndo(draft: Draft, planned: PlannedStep, undo: PlannedStep, step: StepState): void {
  const scope = scopeOf(draft);
  const item = step.shard > 0 ? itemAt(planned.subject?.(scope), step.shard) : {};
  const place = { node: undoOf(step.node), shard: step.shard };
  change(draft, place, {});
  startWork(draft, undo, place, undo.input({ ...scope, ...item, output: outputOf(step) }));
}

function outputOf({ state, output }: StepState): unknown {
  return state === "succeeded" ? output : null;
}
