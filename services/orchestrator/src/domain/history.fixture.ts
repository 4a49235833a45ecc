import assert from "node:assert/strict";
import type { World } from "./advance.fixture.ts";
import type { Advance } from "./outcome.ts";
import { isInFlight, type StepPhase, type StepState, stepKey } from "./run-state.ts";
import { forwardOf, isShard, isUndo, undoOf } from "./step-work.ts";
import { needed } from "./success.ts";

// Claims and the backlog act outside the reducer, so a step may be found running that was dispatched before.
const ENDS: readonly StepPhase[] = ["succeeded", "failed", "cancelled"];
const LEGAL: Readonly<Record<StepPhase, readonly StepPhase[]>> = {
  pending: ["pending", "ready", "dispatched", "waiting", "skipped", "in_doubt", ...ENDS],
  ready: ["ready", "dispatched", "waiting", ...ENDS],
  dispatched: ["dispatched", "ready", "cancelled"],
  running: ["running", "ready", "dispatched", "in_doubt", ...ENDS],
  waiting: ["waiting", "ready", ...ENDS],
  in_doubt: ["ready", "dispatched", "waiting", ...ENDS],
  succeeded: [],
  failed: [],
  skipped: [],
  cancelled: [],
};

const PASSED: readonly StepPhase[] = ["succeeded", "skipped", "failed", "cancelled"];

/** Transitions, fences, order, sequences, one end. */
export function checkHistory(world: World): void {
  const types: string[] = [];
  let seq = 0;
  for (const entry of world.log) {
    types.push(...entry.events.map((event) => event.type));
    assert.equal(entry.before.seq, seq, "sequences have no gap");
    seq += entry.events.length;
    for (const step of entry.changed) checkStep(world, entry, step);
    checkPhase(entry);
    assert.ok(!entry.notes.includes("stuck"));
  }
  const ends = types.filter((type) => ["run.succeeded", "run.failed", "run.cancelled"].includes(type));
  assert.equal(ends.length, 1, "exactly one end");
  assert.equal(world.log.filter((entry) => entry.ended).length, 1);
  assert.ok(types.filter((type) => type === "run.at_risk").length <= 1);
  checkUndoOrder(world);
}

function checkPhase({ before, run, changed }: Advance): void {
  const over = before.phase !== "running" && before.phase !== "compensating";
  if (over) assert.equal(changed.length, 0, "an ended run changes no more");
  if (run.phase === "running" || run.phase === "compensating") {
    assert.ok(run.wakeAtMs !== undefined && Number.isFinite(run.wakeAtMs), "an active run has a wake-up");
  } else assert.equal(run.wakeAtMs, undefined);
}

function checkStep(world: World, { before, run, handed }: Advance, step: StepState): void {
  const was = before.steps.get(stepKey(step.node, step.shard));
  const from = was?.state ?? "pending";
  const isHanded = handed.includes(stepKey(step.node, step.shard));
  // Handed over is released and claimed at once.
  assert.ok(LEGAL[from].includes(isHanded ? "dispatched" : step.state), `${from} → ${step.state}`);
  if (isHanded) assert.equal(step.state, "running");
  assert.ok(step.epoch >= (was?.epoch ?? 0) && step.epoch <= (was?.epoch ?? 0) + 1, "epochs grow by one");
  if (was) return;
  if (isUndo(step.node)) {
    const forward = run.steps.get(stepKey(forwardOf(step.node), step.shard));
    assert.ok(forward && !isInFlight(forward.state), "only what is settled is undone");
    assert.notEqual(run.phase, "running");
    return;
  }
  assert.notEqual(
    before.pausedAtMs === undefined || run.pausedAtMs === undefined,
    false,
    "a paused run starts nothing",
  );
  if (isShard(step)) assert.ok(run.steps.has(step.node));
  else if (step.detail.notNeeded === undefined) checkDependencies(world, run.steps, step.node);
}

function checkDependencies(world: World, steps: World["run"]["steps"], node: string): void {
  for (const { id } of world.plan.byId.get(node)?.dependencies ?? []) {
    const state = steps.get(id)?.state ?? "pending";
    assert.ok(PASSED.includes(state), `${node} left waiting while ${id} was ${state}`);
  }
}

/** Each once, one at a time, doubtful ones first, then backwards. */
function checkUndoOrder(world: World): void {
  const begun: { step: StepState; at: Advance }[] = [];
  for (const entry of world.log) {
    for (const step of entry.changed) {
      if (!isUndo(step.node) || entry.before.steps.has(stepKey(step.node, step.shard))) continue;
      const others = [...entry.before.steps.values()].filter(
        ({ node, state }) => isUndo(node) && (isInFlight(state) || state === "in_doubt"),
      );
      const open = others.filter((other) =>
        isInFlight(entry.run.steps.get(stepKey(other.node, other.shard))?.state ?? "pending"),
      );
      assert.equal(open.length, 0, "one undo at a time");
      begun.push({ step, at: entry });
    }
  }
  const keys = begun.map(({ step }) => stepKey(step.node, step.shard));
  assert.equal(new Set(keys).size, keys.length, "each is undone once");
  const rank = begun.map(({ step }) => {
    const forward = world.run.steps.get(stepKey(forwardOf(step.node), step.shard));
    return forward?.state === "succeeded" ? forward.doneSeq : Number.MAX_SAFE_INTEGER;
  });
  assert.deepEqual(
    rank,
    rank.toSorted((a, b) => b - a),
    "undo goes backwards",
  );
}

export function checkEnd(world: World): void {
  const { run, plan } = world;
  const states = plan.steps.map(({ spec }) => run.steps.get(spec.id)?.state ?? "pending");
  if (run.phase === "succeeded") {
    assert.ok(states.every((state) => PASSED.includes(state)));
    checkSkips(world);
  }
  assert.ok(![...run.steps.values()].some((step) => isInFlight(step.state)), "nothing is left in flight");
  const spent = [...run.steps.values()].reduce((sum, step) => sum + step.costNanoUsd, 0n);
  assert.equal(run.costNanoUsd, spent);
  for (const step of run.steps.values()) checkThreshold(world, step);
  if (run.ending !== undefined) checkUndone(world);
}

/** Only a condition, or a branch that went another way, skips. */
function checkSkips({ run, plan }: World): void {
  for (const { spec, when, dependencies } of plan.steps) {
    const step = run.steps.get(spec.id);
    const details = dependencies.map(({ id }) => run.steps.get(id)?.detail);
    const taken = dependencies.every(({ case: name }, index) => name === undefined || details[index]?.chosen === name);
    const some = dependencies.length === 0 || details.some((detail) => detail?.notTaken === undefined);
    if (!taken || !some) assert.equal(step?.state === "cancelled" ? "skipped" : step?.state, "skipped");
    else if (!when) assert.notEqual(step?.state, "skipped");
  }
}

function checkThreshold({ run, plan }: World, step: StepState): void {
  const spec = plan.byId.get(step.node)?.spec;
  if (spec?.kind === "map" && step.shard === 0 && step.detail.counts) {
    const { total, ok, failed } = step.detail.counts;
    const shards = [...run.steps.values()].filter((one) => one.node === step.node && one.shard > 0);
    const good = shards.filter((one) => one.state === "succeeded").length;
    if (step.state === "succeeded")
      assert.deepEqual([good, ok + failed >= total && ok >= needed(spec.success, total)], [ok, true]);
    if (step.failure?.code === "THRESHOLD_MISSED") assert.ok(failed > total - needed(spec.success, total));
    assert.ok(shards.every((one) => one.shard <= total));
  }
  if (spec?.kind === "gather" && step.shard === 0 && step.state === "succeeded") {
    const members = spec.from.map((id) => run.steps.get(id)?.state).filter((state) => state !== "skipped");
    assert.ok(members.filter((state) => state === "succeeded").length >= needed(spec.success, members.length));
  }
}

/** All that acted, or may have, has an undo that came to its end. */
function checkUndone({ run, plan }: World): void {
  for (const step of run.steps.values()) {
    const planned = plan.byId.get(step.node);
    if (!planned?.undo || (planned.spec.kind === "map" && step.shard === 0)) continue;
    const acted = step.state === "succeeded" || step.state === "in_doubt" || step.detail.uncertain;
    const undo = run.steps.get(stepKey(undoOf(step.node), step.shard));
    assert.equal(undo !== undefined, acted === true, `${step.node} ${step.state}`);
    if (undo) assert.ok(undo.state === "succeeded" || undo.state === "failed");
  }
}
