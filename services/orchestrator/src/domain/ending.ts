import { change, type Draft, SETTLED, say } from "./draft.ts";
import { needOpen } from "./loaded.ts";
import { type Ending, isInFlight, type StepFailure, type StepState, stepKey } from "./run-state.ts";
import { isUndo } from "./step-work.ts";
import { approvalChange } from "./steps/approval-change.ts";

/**
 * Ends a run that did not succeed, or first undoes what it did: then what may still act is told to stop and awaited.
 * What is cancelled is fenced: its state no longer takes a result.
 */
export function endRun(draft: Draft, ending: Ending, failure: StepFailure): void {
  if (hasOpenShards(draft)) needOpen(draft);
  takeBackHanded(draft);
  const undoing = [...draft.steps.values()].some((step) => mayNeedUndo(draft, step));
  const cancelled = new Map<string, number>();
  for (const step of [...draft.steps.values()]) {
    const doubtful = step.shard > 0 && step.state === "in_doubt";
    if ((!isInFlight(step.state) && !doubtful) || step.detail.counts || (undoing && isAwaited(draft, step))) continue;
    if (!doubtful) cancelStep(draft, step);
    if (step.shard > 0) cancelled.set(step.node, (cancelled.get(step.node) ?? 0) + 1);
  }
  for (const step of [...draft.steps.values()]) {
    if (isInFlight(step.state) && step.detail.counts) endHead(draft, step, cancelled.get(step.node) ?? 0);
  }
  draft.run = { ...draft.run, pausedAtMs: undefined, failure };
  if (undoing) {
    draft.run = { ...draft.run, phase: "compensating", ending };
    say(draft, "run.compensating", "", { ending, code: failure.code, message: failure.message });
  } else finishRun(draft, ending);
}

function takeBackHanded(draft: Draft): void {
  for (const key of [...draft.handed]) {
    const step = draft.steps.get(key);
    if (step) takeBack(draft, step);
  }
}

/** What was handed over in this very advance has not left yet, so nobody acts on it. */
export function takeBack(draft: Draft, step: StepState): StepState {
  const at = draft.handed.indexOf(stepKey(step.node, step.shard));
  if (at < 0) return step;
  draft.handed.splice(at, 1);
  if (step.state !== "running") return step;
  const inNobodysHands = { worker: "", startedAtMs: undefined, leaseUntilMs: undefined };
  return change(draft, step, { state: "ready", epoch: step.epoch - 1, ...inNobodysHands });
}

/** The end of a run that did not succeed. */
export function finishRun(draft: Draft, phase: Ending): void {
  const { failure } = draft.run;
  draft.run = { ...draft.run, phase, endedAtMs: draft.environment.nowMs };
  say(draft, `run.${phase}`, "", { code: failure?.code ?? "", message: failure?.message ?? "" });
}

/** Takes a step that was released back. Whoever works on it is fenced; a child run is stopped. */
export function cancelStep(draft: Draft, step: StepState, more: StepState["detail"] = {}): void {
  const uncertain = draft.plan.byId.get(step.node)?.undo && wasClaimed(step);
  const detail = { ...step.detail, ...more, ...(uncertain && { uncertain: true as const }) };
  change(draft, step, { ...SETTLED, state: "cancelled", endedAtMs: draft.environment.nowMs, detail });
  if (step.state === "dispatched") recall(draft, step);
  if (step.state === "waiting") stopWaiting(draft, step);
  if (step.shard === 0) say(draft, "step.cancelled", step.node);
}

/** What was released a moment ago in the same advance must not go out either. */
function recall(draft: Draft, { node, shard }: StepState): void {
  const at = draft.dispatches.findIndex((one) => one.node === node && one.shard === shard);
  if (at >= 0) draft.dispatches.splice(at, 1);
}

function stopWaiting(draft: Draft, step: StepState): void {
  stopChild(draft, step);
  const at = draft.eventWaits.findIndex((one) => one.node === step.node);
  if (at >= 0) draft.eventWaits.splice(at, 1);
  const spec = draft.plan.byId.get(step.node)?.spec;
  if (spec?.kind === "approval") draft.approvals.push(approvalChange(spec, step, { state: "cancelled" }));
}

/** A child run is awaited in any case, for it may have to undo what it did. */
function isAwaited(draft: Draft, step: StepState): boolean {
  if (step.state === "waiting" && step.detail.child !== undefined) return stopChild(draft, step);
  return mustAwait(draft, step);
}

/** @returns whether there is a child to wait for: one that was started before this advance */
export function stopChild(draft: Draft, { detail: { child } }: StepState): boolean {
  if (child === undefined) return false;
  const at = draft.children.findIndex((one) => one.child === child);
  if (at >= 0) draft.children.splice(at, 1);
  else draft.stopChildren.push({ child });
  return at < 0;
}

function endHead(draft: Draft, head: StepState, cancelled: number): void {
  const { counts } = head.detail;
  if (!counts) return;
  const open = counts.open - cancelled;
  const detail = { ...head.detail, counts: { ...counts, open } };
  if (open - settledNow(draft, head.node) <= 0) cancelStep(draft, { ...head, detail });
  else change(draft, head, { detail });
}

/** Shards whose end the head has not taken into account yet. */
function settledNow(draft: Draft, node: string): number {
  const ended = draft.touched?.get(node);
  return ended ? ended.ok + ended.failed : 0;
}

/** Whether a map or gather has shards in work, not all of which may be loaded. */
export function hasOpenShards(draft: Draft): boolean {
  for (const step of draft.steps.values()) if (step.state === "waiting" && step.detail.counts) return true;
  return false;
}

/** An attempt was in a worker's hands: it may have acted. */
function wasClaimed({ state, attempt, takeovers, startedAtMs }: StepState): boolean {
  return (
    state === "running" ||
    state === "in_doubt" ||
    attempt > 1 ||
    takeovers > 0 ||
    (state === "waiting" && startedAtMs !== undefined)
  );
}

function mayNeedUndo(draft: Draft, step: StepState): boolean {
  if (isUndo(step.node) || !draft.plan.byId.get(step.node)?.undo) return false;
  const { counts } = step.detail;
  if (counts) return step.state !== "pending" && counts.ok + counts.failed + counts.open > 0;
  return needsUndo(draft, step) || (isInFlight(step.state) && wasClaimed(step));
}

/** It acted, or nobody knows. Steps copied from another run were not done by this one. */
export function needsUndo(draft: Draft, { node, state, doneSeq, detail }: StepState): boolean {
  if (isUndo(node) || !draft.plan.byId.get(node)?.undo) return false;
  if (state === "succeeded") return doneSeq > 0;
  return state === "in_doubt" || ((state === "failed" || state === "cancelled") && detail.uncertain === true);
}

/** Work that can be undone must be awaited first. A child run is told to stop. */
export function mustAwait(draft: Draft, step: StepState): boolean {
  if (!draft.plan.byId.get(step.node)?.undo) return false;
  return step.state === "running" || (step.state === "waiting" && stopChild(draft, step));
}
