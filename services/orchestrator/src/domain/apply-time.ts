import { backoffMs } from "@agentmesh/resilience";
import { change, type Draft, endRun, failStep, say } from "./draft.ts";
import { releaseStep, retryOrFail, waitForNextTry } from "./release-step.ts";
import type { StepState } from "./run-state.ts";
import type { WorkSpec } from "./workflow-spec.ts";

// A worker stops at its own timeout and reports it; only when it does not is the attempt ended from here.
const TIMEOUT_GRACE_MS = 2_000;
// Every run is looked at this often, whatever its timers say.
const MAX_SLEEP_MS = 60_000;
// Between lost leases of one step: a runner that dies of a step must not be fed with it at once.
const TAKEOVER_BACKOFF = { delayMs: 200, multiplier: 2, maxDelayMs: 10_000 };

/** Lets time act: the deadline, due retries, steps that nobody claimed, lost leases, timeouts. */
export function applyTime(draft: Draft): void {
  const { nowMs } = draft.environment;
  if (nowMs >= draft.run.deadlineMs) {
    endRun(draft, "failed", {
      code: "DEADLINE_EXCEEDED",
      message: `the run did not end within its deadline of ${draft.plan.spec.deadlineMs} ms`,
      retryable: false,
    });
    return;
  }
  for (const step of [...draft.steps.values()]) {
    if (draft.run.phase !== "running") return;
    if (step.state === "ready" && !step.queued && nowMs >= (step.readyAtMs ?? 0)) releaseStep(draft, step);
    if (step.state === "dispatched") dispatchAgain(draft, step);
    if (step.state === "running") watchRunning(draft, step);
  }
}

function dispatchAgain(draft: Draft, step: StepState): void {
  const { nowMs, limits } = draft.environment;
  if (nowMs < (step.dispatchedAtMs ?? 0) + limits.redispatchAfterMs) return;
  const { node, shard, epoch } = change(draft, step.node, { dispatchedAtMs: nowMs });
  draft.dispatches.push({ node, shard, epoch, again: true });
  draft.notes.push("redispatched");
}

function watchRunning(draft: Draft, step: StepState): void {
  const { nowMs } = draft.environment;
  const spec = workSpec(draft, step);
  if (!spec) return;
  if (nowMs >= timeoutAt(step, spec)) {
    draft.notes.push("timed-out");
    const message = `no result within ${spec.timeoutMs} ms`;
    retryOrFail(draft, step, spec, { code: "DEADLINE_EXCEEDED", message, retryable: true });
  } else if (nowMs >= (step.leaseUntilMs ?? 0)) takeOver(draft, step);
}

function takeOver(draft: Draft, step: StepState): void {
  const { limits, random } = draft.environment;
  draft.notes.push("taken-over");
  if (step.takeovers >= limits.maxTakeovers) {
    const message = `${step.takeovers + 1} workers lost their lease on it without a result`;
    failStep(draft, step.node, { code: "UNAVAILABLE", message, retryable: false });
    return;
  }
  const delayMs = Math.ceil(backoffMs(step.takeovers + 1, TAKEOVER_BACKOFF, random()));
  say(draft, "step.taken_over", step.node, { worker: step.worker, epoch: step.epoch, delayMs });
  waitForNextTry(draft, step, delayMs, { takeovers: step.takeovers + 1 });
}

/** When the sweep must look at the run: a lower bound, so that claims and heartbeats need not touch the run. */
export function nextWakeMs(draft: Draft): number | undefined {
  const { run, environment } = draft;
  if (run.phase !== "running") return undefined;
  const { nowMs } = environment;
  let wakeAtMs = Math.min(run.deadlineMs, nowMs + MAX_SLEEP_MS);
  for (const step of draft.steps.values()) wakeAtMs = Math.min(wakeAtMs, wakeOfStep(draft, step));
  // An earlier wake-up that still stands is kept: an index entry less for each advance.
  const before = run.wakeAtMs;
  return before !== undefined && before > nowMs && before <= wakeAtMs ? before : wakeAtMs;
}

function wakeOfStep(draft: Draft, step: StepState): number {
  const { limits, nowMs } = draft.environment;
  const spec = workSpec(draft, step);
  if (!spec) return Number.POSITIVE_INFINITY;
  // A step that leaves the queue or the backlog from now on can lose its lease or run out of time this soon.
  const sincePickUpMs = Math.min(limits.redispatchAfterMs, limits.leaseMs, spec.timeoutMs + TIMEOUT_GRACE_MS);
  if (step.state === "ready") return step.queued ? nowMs + sincePickUpMs : (step.readyAtMs ?? nowMs);
  if (step.state === "dispatched") return (step.dispatchedAtMs ?? nowMs) + sincePickUpMs;
  if (step.state === "running") return Math.min(step.leaseUntilMs ?? nowMs, timeoutAt(step, spec));
  return Number.POSITIVE_INFINITY;
}

function timeoutAt(step: StepState, spec: WorkSpec): number {
  return (step.startedAtMs ?? 0) + spec.timeoutMs + TIMEOUT_GRACE_MS;
}

function workSpec(draft: Draft, step: StepState): WorkSpec | undefined {
  const spec = draft.plan.byId.get(step.node)?.spec;
  return spec && spec.kind !== "emit" ? spec : undefined;
}
