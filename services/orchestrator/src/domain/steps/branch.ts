import { change, type Draft, head } from "../draft.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import type { Scope } from "../scope.ts";
import { succeedStep } from "../settle.ts";
import type { SpecOf } from "../workflow-spec.ts";

/** A branch settles when it unlocks: the first case that holds is taken. Steps of the others are then not taken. */
export function unlockBranch(draft: Draft, planned: PlannedStep, spec: SpecOf<"branch">, scope: Scope): void {
  const taken = planned.cases.find(({ test }) => test(scope))?.name ?? spec.else;
  const known = draft.steps.get(spec.id)?.detail;
  change(draft, head(spec.id), { detail: { ...known, ...(taken !== undefined && { chosen: taken }) } });
  draft.inputs.set(spec.id, "null");
  succeedStep(draft, head(spec.id), { case: taken ?? null }, { case: taken ?? null });
}
