import { type Draft, head } from "../draft.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import type { Scope } from "../scope.ts";
import { succeedStep } from "../settle.ts";
import { MAX_EVENT_BYTES, readyStep } from "../start-work.ts";
import type { SpecOf } from "../workflow-spec.ts";

/** An emit settles when it unlocks: its event is published with the advance. */
export function unlockEmit(
  draft: Draft,
  planned: PlannedStep,
  spec: SpecOf<"emit">,
  input: unknown,
  scope: Scope,
): void {
  const step = readyStep(draft, head(spec.id), input, MAX_EVENT_BYTES);
  if (!step) return;
  const id = `${draft.run.id}:${spec.id}`;
  const key = String(planned.key?.(scope) ?? draft.run.id);
  draft.emits.push({ id, type: spec.event.type, key, json: JSON.stringify(input) });
  succeedStep(draft, step, { eventId: id, type: spec.event.type, key }, {});
}
