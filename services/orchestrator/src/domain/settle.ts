import { change, type Draft, type Place, SETTLED, say, tally } from "./draft.ts";
import { endRun } from "./ending.ts";
import type { StepFailure, StepState } from "./run-state.ts";
import type { StepDetail } from "./step-detail.ts";
import { isShard, isUndo } from "./step-work.ts";

export function succeedStep(
  draft: Draft,
  place: Place,
  output: unknown,
  data: Readonly<Record<string, unknown>>,
  detail?: StepDetail,
): void {
  if (isShard(place)) tally(draft, place.node, { ok: 1, bytes: JSON.stringify(output ?? null).length });
  else say(draft, "step.succeeded", place.node, data);
  change(draft, place, {
    ...SETTLED,
    state: "succeeded",
    output,
    endedAtMs: draft.environment.nowMs,
    doneSeq: draft.run.seq + draft.events.length,
    ...(detail && { detail }),
  });
}

/** A step failed for good: the run's end, unless the step's definition says that the run goes on. */
export function failStep(draft: Draft, place: Place, failure: StepFailure, detail?: StepDetail): void {
  if (isUndo(place.node)) {
    doubtStep(draft, place, `${failure.code}: ${failure.message}`, failure);
    return;
  }
  const { node, shard } = place;
  const { attempt } = change(draft, place, {
    ...SETTLED,
    state: "failed",
    failure,
    endedAtMs: draft.environment.nowMs,
    ...(detail && { detail }),
  });
  if (isShard(place)) {
    tally(draft, node, { failure: { index: shard - 1, code: failure.code, message: failure.message.slice(0, 300) } });
    return;
  }
  say(draft, "step.failed", node, { code: failure.code, message: failure.message, attempt });
  if (draft.run.phase !== "running" || goesOn(draft, node)) return;
  endRun(draft, "failed", { ...failure, message: `step ${node}: ${failure.message}`, retryable: false });
}

function goesOn(draft: Draft, node: string): boolean {
  const planned = draft.plan.byId.get(node);
  if (!planned) return false;
  return planned.gathered || ("onFailure" in planned.spec && planned.spec.onFailure === "continue");
}

/** Nobody but a person can say whether it acted; until then the run waits. */
export function doubtStep(draft: Draft, place: Place, reason: string, failure?: StepFailure): StepState {
  const step = change(draft, place, { ...SETTLED, state: "in_doubt", ...(failure && { failure }) });
  const doubted = change(draft, place, { detail: { ...step.detail, reason: reason.slice(0, 500) } });
  // A head that undoes no longer waits for what a person has to find out.
  if (isShard(place) && draft.run.phase === "compensating") {
    tally(draft, place.node, { failure: { index: place.shard - 1, code: "IN_DOUBT", message: reason.slice(0, 300) } });
  }
  draft.notes.push("in-doubt");
  say(draft, "step.in_doubt", place.node, { shard: place.shard, reason, undo: isUndo(place.node) });
  say(draft, "run.needs_attention", place.node, { shard: place.shard, reason });
  return doubted;
}
