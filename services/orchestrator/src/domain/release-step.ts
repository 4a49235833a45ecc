import { backoffMs } from "@agentmesh/resilience";
import { change, type Draft, failStep, say } from "./draft.ts";
import type { StepFailure, StepState } from "./run-state.ts";
import type { WorkSpec } from "./workflow-spec.ts";

/** Hands a ready step to the work queue, or to the backlog when there is no credit. */
export function releaseStep(draft: Draft, step: StepState): void {
  const { nowMs } = draft.environment;
  if (draft.credit <= 0) {
    change(draft, step.node, { state: "ready", queued: true });
    say(draft, "step.queued", step.node);
    return;
  }
  draft.credit -= 1;
  const { node, shard, epoch } = change(draft, step.node, {
    state: "dispatched",
    queued: false,
    epoch: step.epoch + 1,
    dispatchedAtMs: nowMs,
  });
  draft.dispatches.push({ node, shard, epoch, again: false });
  say(draft, "step.dispatched", node, { epoch, attempt: step.attempt });
}

/** An attempt failed: another one after a while, or the step's end. */
export function retryOrFail(draft: Draft, step: StepState, spec: WorkSpec, failure: StepFailure): void {
  const failures = step.attempt - step.gateRetries;
  if (!failure.retryable || failures >= spec.retry.attempts) {
    failStep(draft, step.node, failure);
    return;
  }
  const delayMs = Math.round(backoffMs(failures, spec.retry, draft.environment.random()));
  draft.notes.push("retried");
  waitForNextTry(draft, step, delayMs, { attempt: step.attempt + 1, failure });
  say(draft, "step.retried", step.node, {
    code: failure.code,
    message: failure.message,
    attempt: step.attempt + 1,
    delayMs,
  });
}

/** Back to ready, due after a delay. The state no longer takes results, so the attempt that was is fenced. */
export function waitForNextTry(draft: Draft, step: StepState, delayMs: number, next: Partial<StepState>): void {
  const waiting = change(draft, step.node, {
    ...next,
    state: "ready",
    worker: "",
    leaseUntilMs: undefined,
    startedAtMs: undefined,
    dispatchedAtMs: undefined,
    readyAtMs: draft.environment.nowMs + delayMs,
  });
  if (delayMs <= 0) releaseStep(draft, waiting);
}
