import { TIMEOUT_GRACE_MS, timeoutAt } from "./apply-time.ts";
import { lateFromMs } from "./at-risk.ts";
import type { Draft } from "./draft.ts";
import type { PlannedStep } from "./plan/planned-step.ts";
import { mayRelease } from "./release-step.ts";
import type { StepState } from "./run-state.ts";
import { hasMore } from "./shards.ts";
import { timeoutOf } from "./step-work.ts";
import { approvalWakeMs } from "./steps/approval.ts";
import { childWakeMs } from "./steps/child.ts";
import { waitWakeMs } from "./steps/wait.ts";

// Every run is looked at this often, whatever its timers say.
const MAX_SLEEP_MS = 60_000;
// One that only waits for a person, an event, a child or a time needs it less.
const MAX_REST_MS = 15 * 60_000;
// The times of shards that are not loaded are not known here.
const SHARDS_LOOK_MS = 1_000;

/** When the sweep must look at the run: a lower bound, so that claims and heartbeats need not touch the run. */
export function nextWakeMs(draft: Draft): number | undefined {
  const { run, environment } = draft;
  if (run.phase !== "running" && run.phase !== "compensating") return undefined;
  const { nowMs } = environment;
  let wakeAtMs = nowMs + MAX_REST_MS;
  if (run.phase === "running" && run.pausedAtMs === undefined) {
    wakeAtMs = Math.min(wakeAtMs, run.deadlineMs, lateFromMs(draft));
  }
  for (const step of draft.steps.values()) {
    if (step.state === "succeeded") continue;
    const planned = draft.plan.byId.get(step.node);
    if (planned) wakeAtMs = Math.min(wakeAtMs, wakeOfStep(draft, planned, step));
  }
  // An earlier wake-up that still stands is kept: an index entry less for each advance.
  const before = run.wakeAtMs;
  return before !== undefined && before > nowMs && before <= wakeAtMs ? before : wakeAtMs;
}

function wakeOfStep(draft: Draft, planned: PlannedStep, step: StepState): number {
  const { nowMs, limits } = draft.environment;
  // A step that leaves the queue or the backlog from now on can lose its lease or run out of time this soon.
  const sincePickUpMs = Math.min(limits.redispatchAfterMs, limits.leaseMs, timeoutOf(planned) + TIMEOUT_GRACE_MS);
  const atMostMs = nowMs + MAX_SLEEP_MS;
  switch (step.state) {
    case "ready":
      if (step.queued) return nowMs + Math.min(sincePickUpMs, MAX_SLEEP_MS);
      return mayRelease(draft, step.node) ? Math.min(step.readyAtMs ?? nowMs, atMostMs) : Number.POSITIVE_INFINITY;
    case "dispatched":
      return Math.min((step.dispatchedAtMs ?? nowMs) + sincePickUpMs, atMostMs);
    case "running":
      return Math.min(step.leaseUntilMs ?? nowMs, timeoutAt(planned, step), atMostMs);
    case "waiting":
      return wakeOfWaiting(draft, planned, step);
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function wakeOfWaiting(draft: Draft, planned: PlannedStep, step: StepState): number {
  const { nowMs } = draft.environment;
  const { spec } = planned;
  const { counts, child } = step.detail;
  if (counts && (spec.kind === "map" || spec.kind === "gather")) {
    const last = counts.total + (counts.base ?? 0);
    if (mayRelease(draft, step.node) && hasMore(counts, spec.concurrency, last)) return nowMs;
    return nowMs + SHARDS_LOOK_MS;
  }
  if (!mayRelease(draft, step.node)) return Number.POSITIVE_INFINITY;
  if (child !== undefined) return childWakeMs(planned, step);
  if (spec.kind === "approval") return approvalWakeMs(spec, step);
  return spec.kind === "wait" ? waitWakeMs(step) : Number.POSITIVE_INFINITY;
}
