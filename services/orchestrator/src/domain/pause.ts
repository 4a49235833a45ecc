import { change, type Draft, say } from "./draft.ts";
import { hasOpenShards } from "./ending.ts";
import { needOpen } from "./loaded.ts";
import type { StepState } from "./run-state.ts";

/** Nothing new is given out; what is in workers' hands goes on, and its results are taken. */
export function pauseRun(draft: Draft, by: string): boolean {
  if (draft.run.phase !== "running" || draft.run.pausedAtMs !== undefined) return false;
  if (hasOpenShards(draft)) needOpen(draft);
  draft.run = { ...draft.run, pausedAtMs: draft.environment.nowMs };
  // The backlog gives out whatever is queued, and does not look at runs.
  for (const step of [...draft.steps.values()]) if (step.queued) change(draft, step, { queued: false });
  say(draft, "run.paused", "", { by });
  return true;
}

/** The time that the pause took does not count: for the deadline, timers, approvals and retries that wait. */
export function resumeRun(draft: Draft, by: string): boolean {
  const { pausedAtMs, deadlineMs, slaAtMs } = draft.run;
  if (draft.run.phase !== "running" || pausedAtMs === undefined) return false;
  if (hasOpenShards(draft)) needOpen(draft);
  const pausedMs = Math.max(0, draft.environment.nowMs - pausedAtMs);
  draft.run = {
    ...draft.run,
    pausedAtMs: undefined,
    deadlineMs: deadlineMs + pausedMs,
    slaAtMs: slaAtMs === undefined ? undefined : slaAtMs + pausedMs,
  };
  for (const step of [...draft.steps.values()]) shift(draft, step, pausedMs);
  say(draft, "run.resumed", "", { by, pausedMs });
  return true;
}

function shift(draft: Draft, step: StepState, byMs: number): void {
  if (step.state === "ready" && step.readyAtMs !== undefined) {
    change(draft, step, { readyAtMs: step.readyAtMs + byMs });
  }
  const { firesAtMs, expiresAtMs } = step.detail;
  if (step.state !== "waiting" || step.detail.counts) return;
  change(draft, step, {
    startedAtMs: step.startedAtMs === undefined ? undefined : step.startedAtMs + byMs,
    detail: {
      ...step.detail,
      ...(firesAtMs !== undefined && { firesAtMs: firesAtMs + byMs }),
      ...(expiresAtMs !== undefined && { expiresAtMs: expiresAtMs + byMs }),
    },
  });
}
