import { change, type Draft, failStep, say, scopeOf, succeedStep } from "./draft.ts";
import { isTooDeep } from "./mapping.ts";
import type { PlannedStep } from "./plan.ts";
import { releaseStep } from "./release-step.ts";
import { isOpen } from "./run-state.ts";
import type { StepSpec } from "./workflow-spec.ts";

type EmitSpec = Extract<StepSpec, { kind: "emit" }>;

// A reply carries 4 MiB, and JSON grows up to sixfold as google.protobuf.Value (numbers of one digit).
const MAX_INPUT_BYTES = 512 * 1024;
// A server takes messages up to 1 MiB; the outbox could never get rid of a larger one.
const MAX_EVENT_BYTES = 512 * 1024;

/** Starts, skips or performs every waiting step whose dependencies are settled; ends the run when nothing is left. */
export function unlockSteps(draft: Draft): void {
  let open = false;
  // Steps stand after what they depend on, so one pass carries a skip or an emit to those behind it.
  for (const planned of draft.plan.steps) {
    if (draft.run.phase !== "running") return;
    const known = draft.steps.get(planned.spec.id);
    if (!known && planned.spec.dependsOn.every((id) => isPassed(draft, id))) unlock(draft, planned);
    open ||= isOpen(draft.steps.get(planned.spec.id)?.state ?? "pending");
  }
  if (open || draft.run.phase !== "running") return;
  draft.run = {
    ...draft.run,
    phase: "succeeded",
    output: draft.plan.output(scopeOf(draft)),
    endedAtMs: draft.environment.nowMs,
  };
  say(draft, "run.succeeded");
}

/** Succeeded, skipped, or failed where the step says that the run goes on. */
function isPassed(draft: Draft, id: string): boolean {
  const state = draft.steps.get(id)?.state;
  return state === "succeeded" || state === "skipped" || state === "failed";
}

function unlock(draft: Draft, planned: PlannedStep): void {
  const { spec } = planned;
  const { nowMs } = draft.environment;
  const scope = scopeOf(draft);
  if (planned.when && !planned.when(scope)) {
    change(draft, spec.id, { state: "skipped", endedAtMs: nowMs });
    say(draft, "step.skipped", spec.id);
    return;
  }
  const input = planned.input(scope);
  const json = JSON.stringify(input);
  const step = change(draft, spec.id, { state: "ready", readyAtMs: nowMs });
  draft.inputs.set(spec.id, json);
  const limit = spec.kind === "emit" ? MAX_EVENT_BYTES : MAX_INPUT_BYTES;
  const wrong = whatIsWrong(input, json, limit);
  if (wrong) {
    draft.inputs.set(spec.id, "null");
    failStep(draft, spec.id, { code: "INVALID_ARGUMENT", message: wrong, retryable: false });
  } else if (spec.kind === "emit") emitEvent(draft, planned, spec, json, scope);
  else releaseStep(draft, step);
}

function emitEvent(draft: Draft, planned: PlannedStep, spec: EmitSpec, json: string, scope: unknown): void {
  const id = `${draft.run.id}:${spec.id}`;
  const key = String(planned.key?.(scope) ?? draft.run.id);
  draft.emits.push({ id, type: spec.event.type, key, json });
  succeedStep(draft, spec.id, { eventId: id, type: spec.event.type, key }, {});
}

function whatIsWrong(input: unknown, json: string, limit: number): string | undefined {
  // A UTF-16 unit is at most three bytes, so short texts need no count.
  if (json.length > limit / 3 && Buffer.byteLength(json) > limit) {
    return `its input has ${Buffer.byteLength(json)} bytes, more than ${limit}; map only what the step needs`;
  }
  if (isTooDeep(input)) return "its input is nested too deeply; map only what the step needs";
  return undefined;
}
