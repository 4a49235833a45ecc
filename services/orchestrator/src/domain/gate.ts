import { lookUp } from "@agentmesh/mapping";
import { change, type Draft, say } from "./draft.ts";
import type { PlannedGate, PlannedStep } from "./plan/planned-step.ts";
import { waitForNextTry } from "./release-step.ts";
import { type StepState, stepKey } from "./run-state.ts";
import { scopeOf } from "./scope.ts";
import { failStep, succeedStep } from "./settle.ts";
import type { GateSpec } from "./spec/step-parts.ts";
import { isUndo } from "./step-work.ts";

const RETRY_DISCOUNT = 0.1;

/** Work gave an output: through the gate, if the step has one, and the step succeeded. */
export function takeOutput(
  draft: Draft,
  planned: PlannedStep,
  step: StepState,
  output: unknown,
  data: Readonly<Record<string, unknown>>,
  quality?: number,
): void {
  const spec = "gate" in planned.spec ? planned.spec.gate : undefined;
  // A run that undoes what it did needs no quality.
  if (!spec || !planned.gate || (draft.run.phase === "compensating" && !isUndo(step.node))) {
    succeedStep(draft, step, output, data);
    return;
  }
  const message = whatFails(draft, spec, planned.gate, step, { output, quality: quality ?? null });
  const detail = { ...step.detail, gate: message === undefined ? ("passed" as const) : ("failed" as const) };
  if (message === undefined) {
    succeedStep(draft, step, output, data, detail);
    return;
  }
  draft.notes.push("gate-failed");
  if (spec.onFail === "continue" || spec.onFail === "branch") {
    succeedStep(draft, step, output, { ...data, gate: message }, detail);
    return;
  }
  // What it did is done, however good it was found: should the run fail, it is undone.
  const acted = planned.undo ? { uncertain: true as const } : {};
  if (spec.onFail === "retry" && step.gateRetries < spec.retries) {
    tryAgain(draft, planned, change(draft, step, { detail: { ...step.detail, ...acted } }), output, message);
  } else failStep(draft, step, { code: "GATE_FAILED", message, retryable: false }, { ...detail, ...acted });
}

function whatFails(
  draft: Draft,
  spec: GateSpec,
  gate: PlannedGate,
  step: StepState,
  given: { readonly output: unknown; readonly quality: number | null },
): string | undefined {
  const scope = gate.outputOnly ? given : { ...scopeOf(draft), ...given };
  if (gate.value) {
    const value = lookUp(gate.value, scope);
    const atLeast = step.gateRetries === 0 ? spec.atLeast : retryAtLeast(spec);
    if (!(typeof value === "number" && value >= atLeast)) {
      return `the gate wants ${spec.value} to be at least ${atLeast}, and it is ${JSON.stringify(value)}`;
    }
  }
  const missing = gate.required.filter((path) => lookUp(path, scope) === null);
  const share = 1 - missing.length / Math.max(1, gate.required.length);
  if (!spec.completeness || share >= spec.completeness.atLeast) return undefined;
  const names = missing.map((path) => `$.${path.join(".")}`).join(", ");
  return `the gate wants ${spec.completeness.atLeast} of the output to be there, and ${share.toFixed(2)} is: without ${names}`;
}

function retryAtLeast(spec: GateSpec): number {
  // Without the rounding 0.8 - 0.1 is a little more than 0.7.
  return spec.retryAtLeast ?? Math.round((spec.atLeast - RETRY_DISCOUNT) * 1e9) / 1e9;
}

function tryAgain(draft: Draft, planned: PlannedStep, step: StepState, output: unknown, message: string): void {
  say(draft, "step.retried", step.node, { code: "GATE_FAILED", message, attempt: step.attempt + 1, delayMs: 0 });
  const changed = planned.gate?.change && nextInput(draft, planned, planned.gate.change, output);
  if (changed !== undefined) draft.inputs.set(stepKey(step.node, step.shard), JSON.stringify(changed));
  const next = { attempt: step.attempt + 1, gateRetries: step.gateRetries + 1 };
  waitForNextTry(draft, planned, step, 0, next, () => changed ?? planned.input(scopeOf(draft)));
}

function nextInput(draft: Draft, planned: PlannedStep, change: (scope: unknown) => unknown, output: unknown): unknown {
  const scope = scopeOf(draft);
  const input = planned.input(scope);
  const changes = change({ ...scope, output });
  const isObject = input !== null && typeof input === "object" && !Array.isArray(input);
  return { ...(isObject ? input : { input }), ...(changes !== null && typeof changes === "object" ? changes : {}) };
}
