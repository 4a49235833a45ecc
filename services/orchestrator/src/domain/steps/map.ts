import { change, type Draft, head, say, tally } from "../draft.ts";
import { outputsOf, runsBeside } from "../loaded.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import type { StepState } from "../run-state.ts";
import { type Scope, scopeOf } from "../scope.ts";
import { failStep, succeedStep } from "../settle.ts";
import { dropShards, MAX_KEPT_BYTES, noCounts, releaseShards } from "../shards.ts";
import { startWork, targetOf } from "../start-work.ts";
import type { Counts } from "../step-detail.ts";
import { needed } from "../success.ts";
import type { SpecOf } from "../workflow-spec.ts";

// A map over items: unlocks by counting its list; its head waits while its shards work, `concurrency` at a time, each
// released when one before it is settled; it settles when all are, or as soon as too many failed.

type MapSpec = SpecOf<"map">;

const MAX_ITEMS = 100_000;
// Of a map in runs that maps started, over all of them: each item becomes a row, and in a map of workflows a run.
const MAX_NESTED_ITEMS = 1_000_000;

export function unlockMap(draft: Draft, planned: PlannedStep, spec: MapSpec, scope: Scope): void {
  const list = planned.subject?.(scope);
  const known = draft.steps.get(spec.id);
  const total = Array.isArray(list) ? list.length : 0;
  const again = known?.detail.counts?.again;
  const { name, wrong } = targetOf(draft, planned, scope);
  const waiting = change(draft, head(spec.id), {
    state: "waiting",
    startedAtMs: draft.environment.nowMs,
    detail: {
      ...known?.detail,
      ...(name !== undefined && { target: name }),
      counts: { ...noCounts, total, ...(again && { again }) },
    },
  });
  draft.inputs.set(spec.id, "null");
  const problem = wrong ?? whatIsWrong(spec, list, total) ?? whatIsTooMany(draft, spec, total);
  if (problem !== undefined) {
    failStep(draft, waiting, { code: "INVALID_ARGUMENT", message: problem, retryable: false });
    return;
  }
  say(draft, "step.waiting", spec.id, { total });
  tally(draft, spec.id);
}

function whatIsWrong(spec: MapSpec, list: unknown, total: number): string | undefined {
  if (!Array.isArray(list)) {
    return `${spec.over} leads to ${list === null ? "nothing" : `a ${typeof list}`}, and a map needs a list`;
  }
  if (total > MAX_ITEMS) return `${spec.over} has ${total} items, more than ${MAX_ITEMS}; split it over several maps`;
  const need = needed(spec.success, total);
  if (need > total) return `${need} items must succeed, and ${spec.over} has only ${total}`;
  return undefined;
}

/** As if all the runs beside this one had as many items: they begin with lists of their own, and none knows the others. */
function whatIsTooMany(draft: Draft, spec: MapSpec, total: number): string | undefined {
  if (total === 0) return undefined;
  const beside = runsBeside(draft);
  if (total * beside <= MAX_NESTED_ITEMS) return undefined;
  return (
    `${spec.over} has ${total} items in one of ${beside} runs that maps start side by side, so ${total * beside} in all, ` +
    `more than ${MAX_NESTED_ITEMS}; let an outer map have fewer items, or an inner one`
  );
}

/** The head looks at what ended: settles, or releases more. */
export function driveMap(draft: Draft, planned: PlannedStep, spec: MapSpec, step: StepState, counts: Counts): void {
  const { total, ok, failed } = counts;
  const need = needed(spec.success, total);
  if (failed > total - need) {
    const open = dropShards(draft, spec.id);
    const detail = { ...step.detail, counts: { ...counts, open }, ...(open > 0 && { stopping: true as const }) };
    change(draft, step, { detail });
    if (open > 0) return;
    failStep(draft, step, { code: "THRESHOLD_MISSED", message: missed(step, counts, need), retryable: false });
  } else if (ok + failed === total) succeedStep(draft, step, resultOf(draft, step, counts), { total, ok, failed });
  else releaseItems(draft, planned, spec, step);
}

function releaseItems(draft: Draft, planned: PlannedStep, spec: MapSpec, step: StepState): void {
  let scope: Scope | undefined;
  let list: unknown;
  releaseShards(draft, step, { concurrency: spec.concurrency, last: step.detail.counts?.total ?? 0 }, (shard) => {
    scope ??= scopeOf(draft);
    list ??= planned.subject?.(scope);
    const input = planned.input({ ...scope, ...itemAt(list, shard) });
    startWork(draft, planned, { node: spec.id, shard }, input, step.detail.target);
  });
}

/** The input of an item that is tried again. */
export function itemInput(draft: Draft, planned: PlannedStep, shard: number): unknown {
  const scope = scopeOf(draft);
  return planned.input({ ...scope, ...itemAt(planned.subject?.(scope), shard) });
}

/** `$.item` and `$.index` of a shard. */
export function itemAt(list: unknown, shard: number): { item: unknown; index: number } {
  return { item: Array.isArray(list) ? (list[shard - 1] ?? null) : null, index: shard - 1 };
}

function resultOf(draft: Draft, step: StepState, { total, ok, failed, bytes = 0 }: Counts): unknown {
  const failures = step.detail.failures ?? [];
  if (bytes > MAX_KEPT_BYTES) return { total, ok, failed, failures, itemsKept: true };
  const items = total === 0 ? [] : outputsOf(draft, step.node, 1, total);
  return { total, ok, failed, failures, items };
}

function missed({ detail }: StepState, { total, failed }: Counts, need: number): string {
  const [first] = detail.failures ?? [];
  const why = first ? `; item ${first.index}: ${first.code}: ${first.message}` : "";
  return `${failed} of ${total} items failed, and ${need} must succeed${why}`;
}
