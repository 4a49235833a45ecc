import { change, type Draft } from "../draft.ts";
import { needOutputs, outputsOf, type ShardRange } from "../loaded.ts";
import type { PlannedStep } from "../plan/planned-step.ts";
import { mayRelease } from "../release-step.ts";
import type { StepState } from "../run-state.ts";
import { scopeOf } from "../scope.ts";
import { failStep, succeedStep } from "../settle.ts";
import { dropShards, noCounts, releaseShards } from "../shards.ts";
import { startWork } from "../start-work.ts";
import type { Counts } from "../step-detail.ts";
import type { SpecOf } from "../workflow-spec.ts";

// The reduce of a gather is a tree: level 1 takes the members' outputs `batch` at a time, each further level the
// outputs of the one before, until one is left, which is the gather's. Batches are shards, numbered through all levels,
// so only those in work and their items are ever in memory.

type GatherSpec = SpecOf<"gather">;

// Batches released in one advance: their items are in memory together.
const BATCHES_AHEAD = 50;

export function startReduce(
  draft: Draft,
  planned: PlannedStep,
  spec: GatherSpec,
  step: StepState,
  members: readonly string[],
): void {
  const items = sourceSize(draft, spec, members);
  if (items === 0) {
    succeedStep(draft, step, null, { items });
    return;
  }
  const total = Math.ceil(items / batchOf(spec));
  const again = step.detail.counts?.again;
  const counts: Counts = { ...noCounts, total, level: 1, base: 0, ...(again && { again }) };
  const reducing = change(draft, step, { detail: { ...step.detail, counts } });
  releaseBatches(draft, planned, spec, reducing, counts);
}

/** The head looks at what ended: fails with a batch, goes one level up, or is done. */
export function driveReduce(
  draft: Draft,
  planned: PlannedStep,
  spec: GatherSpec,
  step: StepState,
  counts: Counts,
): void {
  const { total, ok, failed, level = 1, base = 0 } = counts;
  if (failed > 0) {
    const [first] = step.detail.failures ?? [];
    dropShards(draft, spec.id);
    change(draft, step, { detail: { ...step.detail, counts: { ...counts, open: 0 } } });
    const message = `a batch of level ${level} could not be reduced: ${first?.code}: ${first?.message}`;
    failStep(draft, step, { code: first?.code ?? "INTERNAL", message, retryable: false });
  } else if (ok < total) releaseBatches(draft, planned, spec, step, counts);
  else if (total === 1) {
    const [output] = outputsOf(draft, spec.id, base + 1, base + 1);
    succeedStep(draft, step, output ?? null, { levels: level });
  } else {
    const up: Counts = {
      ...counts,
      total: Math.ceil(total / batchOf(spec)),
      ok: 0,
      level: level + 1,
      base: base + total,
      next: base + total + 1,
    };
    const higher = change(draft, step, { detail: { ...step.detail, counts: up } });
    releaseBatches(draft, planned, spec, higher, up);
  }
}

function releaseBatches(draft: Draft, planned: PlannedStep, spec: GatherSpec, step: StepState, counts: Counts): void {
  const { total, open, next, base = 0, level = 1 } = counts;
  // The rest follows with the next advance, which the head's wake-up brings at once.
  const last = Math.min(base + total, next + BATCHES_AHEAD - 1);
  const rangeOf = (shard: number) => batchRange(draft, spec, step, level, shard - base - 1);
  if (mayRelease(draft, spec.id)) {
    const free = Math.min(spec.concurrency - open, last - next + 1);
    needOutputs(
      draft,
      Array.from({ length: Math.max(0, free) }, (_, index) => rangeOf(next + index)).flatMap((one) => one ?? []),
    );
  }
  releaseShards(draft, step, { concurrency: spec.concurrency, last }, (shard) => {
    const context = planned.reduce?.outputOnly ? {} : scopeOf(draft);
    const range = rangeOf(shard);
    const found = range
      ? outputsOf(draft, range.node, range.from, range.to)
      : memberOutputs(draft, spec, shard - base - 1);
    const items = found.filter((item) => item !== null);
    const input = planned.reduce?.input({ ...context, items, level });
    startWork(draft, planned, { node: spec.id, shard }, input, step.detail.target);
  });
}

/** The shards whose outputs a batch takes, `index` counting from 0 in its level; undefined: those of the members. */
function batchRange(
  draft: Draft,
  spec: GatherSpec,
  step: StepState,
  level: number,
  index: number,
): ShardRange | undefined {
  const batch = batchOf(spec);
  const from = index * batch + 1;
  if (level > 1) {
    const below = sizeBelow(draft, spec, level);
    const before = (step.detail.counts?.base ?? 0) - below;
    return { node: spec.id, from: before + from, to: before + Math.min(from + batch - 1, below) };
  }
  const map = mapIn(draft, spec);
  return map && { node: map.node, from, to: Math.min(from + batch - 1, map.detail.counts?.total ?? 0) };
}

function memberOutputs(draft: Draft, spec: GatherSpec, index: number): readonly unknown[] {
  const { steps } = scopeOf(draft);
  const ok = spec.from.filter((id) => draft.steps.get(id)?.state === "succeeded");
  const batch = batchOf(spec);
  return ok.slice(index * batch, (index + 1) * batch).map((id) => steps[id]?.output ?? null);
}

/** Batches in the level below. */
function sizeBelow(draft: Draft, spec: GatherSpec, level: number): number {
  const ok = spec.from.filter((id) => draft.steps.get(id)?.state === "succeeded");
  let size = sourceSize(draft, spec, ok);
  for (let at = 1; at < level; at++) size = Math.ceil(size / batchOf(spec));
  return size;
}

function sourceSize(draft: Draft, spec: GatherSpec, members: readonly string[]): number {
  const map = mapIn(draft, spec);
  return map ? (map.detail.counts?.total ?? 0) : members.length;
}

/** The map whose items are reduced; undefined: the outputs of the members themselves are. */
function mapIn(draft: Draft, spec: GatherSpec): StepState | undefined {
  const [only] = spec.from;
  if (spec.from.length > 1 || only === undefined) return undefined;
  return draft.plan.byId.get(only)?.spec.kind === "map" ? draft.steps.get(only) : undefined;
}

function batchOf(spec: GatherSpec): number {
  return spec.reduce?.batch ?? 1;
}
