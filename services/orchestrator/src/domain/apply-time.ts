import { backoffMs } from "@agentmesh/resilience";
import { change, type Draft, say, tally } from "./draft.ts";
import { endRun } from "./ending.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { isLastTry, mayRelease, releaseStep, retryOrFail, waitForNextTry } from "./release-step.ts";
import type { StepState } from "./run-state.ts";
import { failStep } from "./settle.ts";
import { isShard, timeoutOf } from "./step-work.ts";
import { tickApproval } from "./steps/approval.ts";
import { tickChild } from "./steps/child.ts";
import { tickWait } from "./steps/wait.ts";
import { workInput } from "./work-input.ts";

// A worker stops at its own timeout and reports it; only when it does not is the attempt ended from here.
export const TIMEOUT_GRACE_MS = 2_000;
// Between lost leases of one step: a runner that dies of a step must not be fed with it at once.
const TAKEOVER_BACKOFF = { delayMs: 200, multiplier: 2, maxDelayMs: 10_000 };

/** Lets time act, and says so: the deadline, due retries, timers, steps that nobody claimed, lost leases, timeouts. */
export function applyTime(draft: Draft): true {
  const { nowMs } = draft.environment;
  const { phase, pausedAtMs, deadlineMs } = draft.run;
  if (phase === "running" && pausedAtMs === undefined && nowMs >= deadlineMs) {
    endRun(draft, "failed", {
      code: "DEADLINE_EXCEEDED",
      message: `the run did not end within its deadline of ${draft.plan.spec.deadlineMs} ms`,
      retryable: false,
    });
    return true;
  }
  for (const key of [...draft.steps.keys()]) {
    if (draft.run.phase !== phase) return true;
    const step = draft.steps.get(key);
    const planned = step && draft.plan.byId.get(step.node);
    if (planned) tickStep(draft, planned, step);
  }
  return true;
}

function tickStep(draft: Draft, planned: PlannedStep, step: StepState): void {
  switch (step.state) {
    case "ready":
      if (!step.queued && draft.environment.nowMs >= (step.readyAtMs ?? 0)) {
        releaseStep(draft, planned, step, () => workInput(draft, planned, step));
      }
      return;
    case "dispatched":
      dispatchAgain(draft, step);
      return;
    case "running":
      watchRunning(draft, planned, step);
      return;
    case "waiting":
      tickWaiting(draft, planned, step);
      return;
    default:
  }
}

function tickWaiting(draft: Draft, planned: PlannedStep, step: StepState): void {
  if (!mayRelease(draft, step.node)) return;
  const { spec } = planned;
  if (step.detail.counts) tally(draft, step.node);
  else if (step.detail.child !== undefined) tickChild(draft, planned, step);
  else if (spec.kind === "approval") tickApproval(draft, spec, step);
  else if (spec.kind === "wait") tickWait(draft, spec, step);
}

function dispatchAgain(draft: Draft, step: StepState): void {
  const { nowMs, limits } = draft.environment;
  if (nowMs < (step.dispatchedAtMs ?? 0) + limits.redispatchAfterMs) return;
  const { node, shard, epoch } = change(draft, step, { dispatchedAtMs: nowMs });
  draft.dispatches.push({ node, shard, epoch, again: true });
  draft.notes.push("redispatched");
}

function watchRunning(draft: Draft, planned: PlannedStep, step: StepState): void {
  const { nowMs } = draft.environment;
  if (nowMs >= timeoutAt(planned, step)) {
    draft.notes.push("timed-out");
    const message = `no result within ${timeoutOf(planned)} ms`;
    const failure = { code: "DEADLINE_EXCEEDED", message, retryable: true };
    retryOrFail(draft, planned, step, failure, () => workInput(draft, planned, step));
  } else if (nowMs >= (step.leaseUntilMs ?? 0)) takeOver(draft, planned, step);
}

export function timeoutAt(planned: PlannedStep, step: StepState): number {
  return (step.startedAtMs ?? 0) + timeoutOf(planned) + TIMEOUT_GRACE_MS;
}

function takeOver(draft: Draft, planned: PlannedStep, step: StepState): void {
  const { limits, random } = draft.environment;
  draft.notes.push("taken-over");
  const detail = planned.undo ? { ...step.detail, uncertain: true as const } : step.detail;
  if (isLastTry(draft, step) || step.takeovers >= limits.maxTakeovers) {
    const message = `${step.takeovers + 1} workers lost their lease on it without a result`;
    failStep(draft, step, { code: "UNAVAILABLE", message, retryable: false }, detail);
    return;
  }
  const delayMs = Math.ceil(backoffMs(step.takeovers + 1, TAKEOVER_BACKOFF, random()));
  if (!isShard(step)) say(draft, "step.taken_over", step.node, { worker: step.worker, epoch: step.epoch, delayMs });
  const next = { takeovers: step.takeovers + 1, detail };
  waitForNextTry(draft, planned, step, delayMs, next, () => workInput(draft, planned, step));
}
