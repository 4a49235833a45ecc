import { applyResult, type Result } from "./apply-result.ts";
import { applyTime } from "./apply-time.ts";
import { watchSla } from "./at-risk.ts";
import { change, type Draft, openDraft, say } from "./draft.ts";
import { driveShards } from "./drive-shards.ts";
import { endRun } from "./ending.ts";
import type { Environment, Want } from "./environment.ts";
import { MissingData } from "./loaded.ts";
import { nextWakeMs } from "./next-wake.ts";
import type { Advance, Refusal } from "./outcome.ts";
import { type PauseOrder, pauseRun, resumeRun } from "./pause.ts";
import type { Plan } from "./plan.ts";
import { type Resolution, resolveStep } from "./resolve.ts";
import { retryRun } from "./retry-run.ts";
import { isInFlight, type RunState, type StepState } from "./run-state.ts";
import { type Decision, decide } from "./steps/approval.ts";
import { type ChildEnded, childEnded } from "./steps/child.ts";
import { type EventArrived, takeEvent } from "./steps/wait.ts";
import { driveUndo } from "./undo.ts";
import { unlockSteps } from "./unlock-steps.ts";

export type Input =
  | {
      readonly kind: "start";
      readonly data: Readonly<Record<string, unknown>>;
      /** Of the run that this one repeats; see rerun.ts. */
      readonly copied?: readonly StepState[];
    }
  | Result
  | { readonly kind: "cancel"; readonly by: string; readonly reason: string }
  | { readonly kind: "tick" }
  | PauseOrder
  | Decision
  | ChildEnded
  | EventArrived
  | Resolution
  | { readonly kind: "retry"; readonly from?: string | undefined; readonly by: string };

/**
 * The workflow's state machine, pure: the same run, inputs and environment give the same advance.
 *
 * | a step is  | on                                         | becomes                                            |
 * |------------|--------------------------------------------|----------------------------------------------------|
 * | pending    | dependencies passed, `when` true           | ready (agent, tool), succeeded (emit, branch,      |
 * |            |                                            | route), waiting (child run, approval, wait, map,   |
 * |            |                                            | gather), failed (input or name that cannot be)     |
 * | pending    | `when` false, or a branch went another way | skipped                                            |
 * | ready      | due, credit                                | dispatched, epoch + 1; waiting when it is a child  |
 * | ready      | due, no credit                             | ready, queued (released by the backlog)            |
 * | dispatched | claimed (outside, guarded by the epoch)    | running                                            |
 * | dispatched | nobody claimed it for a while              | dispatched, sent again with the same epoch         |
 * | running    | output, gate passed, `continue`, `branch`  | succeeded                                          |
 * | running    | output, gate failed with `retry`           | ready at once, or failed after the gate's retries  |
 * | running    | failure or timeout that may be retried     | ready after backoff, or failed after the attempts  |
 * | running    | failure                                    | failed                                             |
 * | running    | failure IN_DOUBT                           | in_doubt                                           |
 * | running    | lease lost                                 | ready after backoff, or failed after the takeovers |
 * | waiting    | child ended, decision, time, event, shards | succeeded, failed, or ready for another child run  |
 * | in_doubt   | a person resolves it                       | ready, succeeded or failed                         |
 * | any open   | cancel, deadline, another step failed,     | cancelled; what can be undone and runs, and child  |
 * |            | a gather is certain without it             | runs, are awaited first when the run undoes        |
 * | failed, cancelled, in_doubt | retry of the ended run    | pending, attempt + 1                               |
 *
 * A step n~undo goes the same way, but never fails: when its tries are over it is in_doubt. Shards (n#1, n#2, …) of a
 * map or gather are steps too; what ends of them is counted in their head (shard 0), which settles.
 *
 * "Passed" is succeeded, skipped, cancelled, or failed with `onFailure: continue` or as the member of a gather.
 *
 * | a run is     | on                                                             | becomes                   |
 * |--------------|----------------------------------------------------------------|---------------------------|
 * | running      | all its steps are settled                                      | succeeded                 |
 * | running      | a step fails, the deadline, a cancel; nothing to undo          | failed, cancelled         |
 * | running      | the same, and something with `compensate` acted or may have    | compensating              |
 * | running      | pause; resume                                                  | running, gives out nothing|
 * | compensating | all that may still act is settled, and all is undone or passed | failed, cancelled         |
 * | failed, cancelled | retry, when nothing was undone                            | running                   |
 *
 * An ended run changes no more otherwise. A result counts only for a running step with the same epoch and worker, so
 * whatever left that state is fenced. What the advance lacks of a run that was loaded lightly it names in `wants`.
 */
export function advance(plan: Plan, before: RunState, inputs: readonly Input[], environment: Environment): Advance {
  const draft = openDraft(plan, before, environment);
  try {
    const answers = inputs.map((input, index) => apply(draft, input, index));
    settle(draft);
    return outcomeOf(draft, before, answers, []);
  } catch (error) {
    if (!(error instanceof MissingData)) throw error;
    return outcomeOf(openDraft(plan, before, environment), before, [], error.wants);
  }
}

function apply(draft: Draft, input: Input, index: number): boolean {
  switch (input.kind) {
    case "result":
      return applyResult(draft, input);
    case "start":
      return startRun(draft, input.data, input.copied ?? []);
    case "tick":
      return isActive(draft) && applyTime(draft);
    case "cancel":
      return cancelRun(draft, input.by, input.reason);
    case "pause":
      return pauseRun(draft, input);
    case "resume":
      return resumeRun(draft, input) && applyTime(draft);
    case "child-ended":
      return childEnded(draft, input);
    case "event":
      return takeEvent(draft, input);
    case "decide":
      return isTaken(draft, index, decide(draft, input));
    case "resolve":
      return isTaken(draft, index, resolveStep(draft, input));
    case "retry":
      return isTaken(draft, index, retryRun(draft, input.from, input.by));
    default:
      return input satisfies never;
  }
}

function isTaken(draft: Draft, index: number, refusal: Refusal | undefined): boolean {
  if (refusal) draft.refusals = new Map(draft.refusals).set(index, refusal);
  return refusal === undefined;
}

/** What follows from the inputs: heads count, steps unlock, an undo goes on, until nothing follows any more. */
function settle(draft: Draft): void {
  do {
    driveShards(draft);
    if (draft.run.phase === "running" && draft.run.pausedAtMs === undefined) unlockSteps(draft);
  } while (draft.touched?.size);
  if (draft.run.phase === "compensating") driveUndo(draft);
  watchSla(draft);
  if (draft.run.phase === "running" && draft.run.pausedAtMs === undefined && !hasWork(draft)) draft.notes.push("stuck");
}

function startRun(draft: Draft, data: Readonly<Record<string, unknown>>, copied: readonly StepState[]): boolean {
  if (!isActive(draft)) return false;
  const { slaMs } = draft.plan.spec;
  if (slaMs !== undefined) draft.run = { ...draft.run, slaAtMs: draft.environment.nowMs + slaMs };
  for (const step of copied) change(draft, step, step);
  say(draft, "run.started", "", data);
  return true;
}

function cancelRun(draft: Draft, by: string, reason: string): boolean {
  if (draft.run.phase !== "running") return false;
  draft.run = { ...draft.run, cancelRequested: true };
  endRun(draft, "cancelled", { code: "CANCELLED", message: reason || `cancelled by ${by}`, retryable: false });
  return true;
}

function isActive({ run }: Draft): boolean {
  return run.phase === "running" || run.phase === "compensating";
}

/** Something will happen: a worker, the queue, a timer, another run or a person has a step. */
function hasWork(draft: Draft): boolean {
  for (const { state } of draft.steps.values()) if (isInFlight(state) || state === "in_doubt") return true;
  return false;
}

const NO_REFUSALS: ReadonlyMap<number, Refusal> = new Map();

function outcomeOf(draft: Draft, before: RunState, answers: readonly boolean[], wants: readonly Want[]): Advance {
  const wakeAtMs = nextWakeMs(draft);
  return {
    before,
    run: { ...draft.run, seq: before.seq + draft.events.length, wakeAtMs, steps: draft.steps },
    wants,
    changed: [...draft.changed].flatMap((key) => draft.steps.get(key) ?? []),
    inputs: draft.inputs,
    events: draft.events,
    dispatches: draft.dispatches,
    handed: draft.handed,
    emits: draft.emits,
    children: draft.children,
    stopChildren: draft.stopChildren,
    tellChildren: draft.tellChildren,
    approvals: draft.approvals,
    eventWaits: draft.eventWaits,
    refusals: draft.refusals ?? NO_REFUSALS,
    notes: draft.notes,
    answers,
    ended: before.endedAtMs === undefined && draft.run.endedAtMs !== undefined,
    atRisk: draft.run.atRisk && !before.atRisk,
  };
}
