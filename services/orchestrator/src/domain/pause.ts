import { change, type Draft, say } from "./draft.ts";
import { hasOpenShards } from "./ending.ts";
import { needOpen } from "./loaded.ts";
import type { StepState } from "./run-state.ts";

/** To stand still or to go on, by a person or with the parent. */
export type PauseOrder = {
  readonly kind: "pause" | "resume";
  readonly by: string;
  /** The parent's `seq` when it said so; undefined: a person says it. */
  readonly parentSeq?: number | undefined;
};

/** Nothing new is given out; what is in workers' hands goes on, and its results are taken. Child runs stand still too. */
export function pauseRun(draft: Draft, order: PauseOrder): boolean {
  if (!isNews(draft, order) || draft.run.phase !== "running") return false;
  const pausedWithParent = order.parentSeq !== undefined;
  if (draft.run.pausedAtMs !== undefined) return makeOwn(draft, order);
  if (hasOpenShards(draft)) needOpen(draft);
  draft.run = { ...draft.run, pausedAtMs: draft.environment.nowMs, pausedWithParent };
  // The backlog gives out whatever is queued, and does not look at runs.
  for (const step of [...draft.steps.values()]) if (step.queued) change(draft, step, { queued: false });
  tellChildren(draft, order.kind);
  say(draft, "run.paused", "", { by: order.by });
  return true;
}

/** A person pauses what stands still with its parent: from now on it stands still for itself. */
function makeOwn(draft: Draft, { by, parentSeq }: PauseOrder): boolean {
  if (parentSeq !== undefined || !draft.run.pausedWithParent) return false;
  draft.run = { ...draft.run, pausedWithParent: false };
  say(draft, "run.paused", "", { by });
  return true;
}

/** The time that the pause took does not count: for the deadline, timers, approvals and retries that wait. */
export function resumeRun(draft: Draft, order: PauseOrder): boolean {
  if (!isNews(draft, order)) return false;
  const { pausedAtMs, pausedWithParent, deadlineMs, slaAtMs } = draft.run;
  if (draft.run.phase !== "running" || pausedAtMs === undefined) return false;
  if (order.parentSeq !== undefined && !pausedWithParent) return false;
  if (hasOpenShards(draft)) needOpen(draft);
  const pausedMs = Math.max(0, draft.environment.nowMs - pausedAtMs);
  draft.run = {
    ...draft.run,
    pausedAtMs: undefined,
    pausedWithParent: false,
    deadlineMs: deadlineMs + pausedMs,
    slaAtMs: slaAtMs === undefined ? undefined : slaAtMs + pausedMs,
  };
  for (const step of [...draft.steps.values()]) shift(draft, step, pausedMs);
  tellChildren(draft, order.kind);
  say(draft, "run.resumed", "", { by: order.by, pausedMs });
  return true;
}

/** What a parent says may come in another order than it was said in, for replicas share the signals of a run. */
function isNews(draft: Draft, { parentSeq }: PauseOrder): boolean {
  if (parentSeq === undefined) return true;
  if (parentSeq <= draft.run.parentSeq) return false;
  draft.run = { ...draft.run, parentSeq };
  return true;
}

function tellChildren(draft: Draft, kind: PauseOrder["kind"]): void {
  for (const { state, detail } of draft.steps.values()) {
    if (state === "waiting" && detail.child !== undefined) draft.tellChildren.push({ child: detail.child, kind });
  }
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
