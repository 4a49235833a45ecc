import { backoffMs } from "@agentmesh/resilience";
import { change, type Draft, say } from "./draft.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { type StepFailure, type StepState, stepKey } from "./run-state.ts";
import { doubtStep, failStep } from "./settle.ts";
import type { RetrySpec } from "./spec/step-parts.ts";
import { isShard, isUndo, timeoutOf, workOf } from "./step-work.ts";

/** Whether the run gives out work of this step now. A paused run gives out none, one that undoes only that. */
export function mayRelease({ run }: Draft, node: string): boolean {
  if (run.phase === "compensating") return isUndo(node);
  return run.phase === "running" && run.pausedAtMs === undefined;
}

/**
 * Hands a ready step out: to the work queue, to the backlog when there is no credit, or to a run of its own.
 *
 * @param input gives what a child run starts with
 */
export function releaseStep(draft: Draft, planned: PlannedStep, step: StepState, input: () => unknown): void {
  if (!mayRelease(draft, step.node)) return;
  const work = workOf(planned, step);
  if (work?.kind === "workflow") startChild(draft, planned, step, work.name, input());
  else dispatch(draft, step);
}

function dispatch(draft: Draft, step: StepState): void {
  if (draft.credit <= 0) {
    change(draft, step, { state: "ready", queued: true });
    if (!isShard(step)) say(draft, "step.queued", step.node);
    return;
  }
  if (handOver(draft, step)) return;
  draft.credit -= 1;
  const { node, shard, epoch } = change(draft, step, {
    state: "dispatched",
    queued: false,
    epoch: step.epoch + 1,
    dispatchedAtMs: draft.environment.nowMs,
  });
  draft.dispatches.push({ node, shard, epoch, again: false });
  if (!isShard(step)) say(draft, "step.dispatched", node, { epoch, attempt: step.attempt });
}

// Of a long map each of these goes through the queue, so that its workers come to what waits there.
const QUEUED_SHARD = 8;

/**
 * Gives a step to the worker that offered itself, which spares the way through the queue and the claim. Only one whose
 * input is at hand, and only while nothing waits in the backlog.
 */
function handOver(draft: Draft, step: StepState): boolean {
  const { nowMs, limits, offer } = draft.environment;
  const key = stepKey(step.node, step.shard);
  if (!offer || draft.handed.length >= offer.places || !draft.inputs.has(key)) return false;
  if (isShard(step) && step.shard % QUEUED_SHARD === 0) return false;
  const { node, epoch, attempt } = change(draft, step, {
    state: "running",
    queued: false,
    epoch: step.epoch + 1,
    worker: offer.worker,
    dispatchedAtMs: nowMs,
    startedAtMs: nowMs,
    leaseUntilMs: nowMs + limits.leaseMs,
  });
  draft.handed.push(key);
  if (!isShard(step)) say(draft, "step.started", node, { epoch, attempt, worker: offer.worker });
  return true;
}

function startChild(draft: Draft, planned: PlannedStep, step: StepState, workflow: string, input: unknown): void {
  const { nowMs, newId } = draft.environment;
  const child = newId();
  const { node, shard, attempt } = change(draft, step, {
    state: "waiting",
    readyAtMs: undefined,
    startedAtMs: nowMs,
    detail: { ...step.detail, child },
  });
  const deadlineMs = Math.min(draft.run.deadlineMs, nowMs + timeoutOf(planned));
  draft.children.push({ node, shard, attempt, child, workflow, input, deadlineMs });
  if (!isShard(step)) say(draft, "step.waiting", node, { child, workflow, attempt });
}

const ONCE: RetrySpec = { attempts: 1, delayMs: 1000, multiplier: 2, maxDelayMs: 10_000 };
const DEFAULT: RetrySpec = { ...ONCE, attempts: 3 };

function retryOf({ spec }: PlannedStep): RetrySpec {
  if (spec.kind === "map") return spec.retry ?? ((spec.agent ?? spec.tool) ? DEFAULT : ONCE);
  return "retry" in spec ? spec.retry : ONCE;
}

/** Whatever comes of this try, nobody needs another one. */
export function isLastTry(draft: Draft, { node, shard, detail }: StepState): boolean {
  if (isUndo(node)) return false;
  if (draft.run.phase === "compensating" || detail.stopping) return true;
  return shard > 0 && draft.steps.get(node)?.detail.stopping === true;
}

// What workers report of steps that they give up because they shut down.
const HANDED_BACK = "WORKER_DRAINING";

/** An attempt failed: another one after a while, or the step's end. One that was handed back counts as a lost lease. */
export function retryOrFail(
  draft: Draft,
  planned: PlannedStep,
  step: StepState,
  failure: StepFailure,
  input: () => unknown,
): void {
  if (failure.code === "IN_DOUBT") {
    doubtStep(draft, step, failure.message, failure);
    return;
  }
  // What may be tried again may also have acted: only a failure that is final says that it did not.
  const uncertain = failure.retryable && planned.undo !== undefined;
  const detail = uncertain ? { ...step.detail, uncertain } : step.detail;
  const retry = retryOf(planned);
  const failures = step.attempt - step.gateRetries - (step.detail.before ?? 0);
  const isHandedBack = failure.code === HANDED_BACK && step.takeovers < draft.environment.limits.maxTakeovers;
  if (!failure.retryable || (failures >= retry.attempts && !isHandedBack) || isLastTry(draft, step)) {
    failStep(draft, step, failure, detail);
    return;
  }
  const delayMs = Math.round(backoffMs(failures, retry, draft.environment.random()));
  draft.notes.push("retried");
  if (!isShard(step)) {
    say(draft, "step.retried", step.node, {
      code: failure.code,
      message: failure.message,
      attempt: step.attempt + 1,
      delayMs,
    });
  }
  const next = { attempt: step.attempt + 1, failure, detail };
  const uncounted = { takeovers: step.takeovers + 1, detail: { ...detail, before: (detail.before ?? 0) + 1 } };
  waitForNextTry(draft, planned, step, delayMs, isHandedBack ? { ...next, ...uncounted } : next, input);
}

/** Back to ready, due after a delay. The state no longer takes results, so the attempt that was is fenced. */
export function waitForNextTry(
  draft: Draft,
  planned: PlannedStep,
  step: StepState,
  delayMs: number,
  next: Partial<StepState>,
  input: () => unknown,
): void {
  const waiting = change(draft, step, {
    ...next,
    state: "ready",
    worker: "",
    leaseUntilMs: undefined,
    startedAtMs: undefined,
    dispatchedAtMs: undefined,
    readyAtMs: draft.environment.nowMs + delayMs,
  });
  if (delayMs <= 0) releaseStep(draft, planned, waiting, input);
}
