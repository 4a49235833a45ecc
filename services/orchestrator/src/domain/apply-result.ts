import { change, type Draft, failStep, say, scopeOf, succeedStep } from "./draft.ts";
import { lookUp } from "./path.ts";
import type { PlannedStep } from "./plan.ts";
import { retryOrFail, waitForNextTry } from "./release-step.ts";
import type { StepFailure, StepState } from "./run-state.ts";
import type { WorkSpec } from "./workflow-spec.ts";

/** What a worker reports of a step it was leased. */
export type Result = {
  readonly kind: "result";
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  readonly worker: string;
  readonly output: unknown;
  /** Instead of an output. */
  readonly failure: StepFailure | undefined;
  readonly costNanoUsd: bigint;
  readonly durationMs: number;
};

/** Whether the result counts, now or already before: false for a stale one. */
export function applyResult(draft: Draft, result: Result): boolean {
  const step = draft.steps.get(result.node);
  const planned = draft.plan.byId.get(result.node);
  if (!step || !planned || planned.spec.kind === "emit" || result.epoch <= 0) return false;
  if (step.doneEpoch === result.epoch) return true;
  if (step.state !== "running" || step.epoch !== result.epoch || step.worker !== result.worker) {
    draft.notes.push("stale-result");
    return false;
  }
  const counted = change(draft, step.node, {
    doneEpoch: result.epoch,
    costNanoUsd: step.costNanoUsd + result.costNanoUsd,
  });
  draft.run = { ...draft.run, costNanoUsd: draft.run.costNanoUsd + result.costNanoUsd };
  if (result.failure) retryOrFail(draft, counted, planned.spec, result.failure);
  else passGate(draft, counted, planned, planned.spec, result);
  return true;
}

function passGate(draft: Draft, step: StepState, planned: PlannedStep, spec: WorkSpec, result: Result): void {
  const data = { attempt: step.attempt, durationMs: result.durationMs };
  const { gate } = spec;
  const value = planned.gateValue && lookUp(planned.gateValue, { ...scopeOf(draft), output: result.output });
  if (!gate || (typeof value === "number" && value >= gate.atLeast)) {
    succeedStep(draft, step.node, result.output, data);
    return;
  }
  draft.notes.push("gate-failed");
  const message = `the gate wants ${gate.value} to be at least ${gate.atLeast}, and it is ${JSON.stringify(value)}`;
  if (gate.onFail === "continue") {
    succeedStep(draft, step.node, result.output, { ...data, gate: message });
  } else if (gate.onFail === "retry" && step.gateRetries < gate.retries) {
    say(draft, "step.retried", step.node, { code: "GATE_FAILED", message, attempt: step.attempt + 1, delayMs: 0 });
    waitForNextTry(draft, step, 0, { attempt: step.attempt + 1, gateRetries: step.gateRetries + 1 });
  } else failStep(draft, step.node, { code: "GATE_FAILED", message, retryable: false });
}
