import { change, type Draft, say } from "./draft.ts";
import type { Refusal } from "./outcome.ts";
import { andBehind, waitsFor } from "./plan/behind.ts";
import { restarted, type StepPhase, type StepState } from "./run-state.ts";
import { noCounts } from "./shards.ts";
import { isUndo } from "./step-work.ts";

const UNDONE: readonly (StepPhase | undefined)[] = ["failed", "cancelled", "in_doubt"];

/**
 * Lets an ended run go on: what failed, was cancelled or is in doubt starts again, what succeeded stays. With `from`,
 * which must be one of those, everything behind it starts again too. Effects keep their keys.
 */
export function retryRun(draft: Draft, from: string | undefined, by: string): Refusal | undefined {
  const refusal = whyNot(draft, from);
  if (refusal) return refusal;
  const { nowMs } = draft.environment;
  const { deadlineMs, slaMs } = draft.plan.spec;
  const again = stepsAgain(draft, from);
  draft.run = {
    ...draft.run,
    phase: "running",
    output: null,
    failure: undefined,
    cancelRequested: false,
    endedAtMs: undefined,
    deadlineMs: nowMs + deadlineMs,
    slaAtMs: slaMs === undefined ? undefined : nowMs + slaMs,
    atRisk: false,
  };
  say(draft, "run.retried", "", { by, ...(from !== undefined && { from }), steps: [...again] });
  const fresh = andBehind(draft.plan, again);
  for (const planned of draft.plan.steps) {
    const step = draft.steps.get(planned.spec.id);
    if (!step || !again.has(step.node)) continue;
    const changed = waitsFor(planned).some((id) => fresh.has(id));
    change(draft, step, restartedHead(step, changed));
  }
  return undefined;
}

/** Items of a map stay done, unless what the map was made from may become another. */
function restartedHead(step: StepState, changed: boolean): Partial<StepState> {
  const next = restarted(step);
  if (!step.detail.counts) return next;
  const again = changed ? ("all" as const) : ("failed" as const);
  return { ...next, detail: { ...next.detail, counts: { ...noCounts, again } } };
}

function whyNot({ run, plan, steps }: Draft, from: string | undefined): Refusal | undefined {
  if (run.phase !== "failed" && run.phase !== "cancelled") {
    const message = `the run ${run.id} is ${run.phase}; only one that failed or was cancelled can be retried`;
    return { code: "FAILED_PRECONDITION", reason: "RUN_NOT_FAILED", message };
  }
  if (run.ending !== undefined) {
    const message = `the run ${run.id} has undone what it did; rerun it instead`;
    return { code: "FAILED_PRECONDITION", reason: "RUN_COMPENSATED", message };
  }
  if (from === undefined) return undefined;
  const state = steps.get(from)?.state;
  if (!plan.byId.has(from) || isUndo(from)) {
    const message = `there is no step ${from}; the steps are ${plan.steps.map(({ spec }) => spec.id).join(", ")}`;
    return { code: "INVALID_ARGUMENT", reason: "UNKNOWN_STEP", message };
  }
  if (UNDONE.includes(state)) return undefined;
  const message = `the step ${from} is ${state ?? "pending"}; name one that failed, or rerun from there`;
  return { code: "FAILED_PRECONDITION", reason: "STEP_NOT_FAILED", message };
}

function stepsAgain(draft: Draft, from: string | undefined): ReadonlySet<string> {
  const behind = from === undefined ? new Set<string>() : andBehind(draft.plan, [from]);
  const again = new Set<string>();
  for (const { spec } of draft.plan.steps) {
    const step = draft.steps.get(spec.id);
    if (!step || step.state === "pending") continue;
    const undone = UNDONE.includes(step.state) && step.detail.notNeeded === undefined;
    if (undone || behind.has(spec.id)) again.add(spec.id);
  }
  return again;
}
