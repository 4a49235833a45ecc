import assert from "node:assert/strict";
import { test } from "node:test";
import { type Action, CALM, type ModelWindow, optimise, type Posture } from "./optimise.ts";

const quiet = { memoryShare: 0.3, cpuShare: 0.2, models: [], agents: [] };
const model = (more: Partial<ModelWindow>): ModelWindow => ({
  model: "p/m",
  calls: 20,
  failed: 0,
  p95Ms: 800,
  ...more,
});

function play(windows: readonly Parameters<typeof optimise>[0][], from: Posture = CALM) {
  let posture = from;
  const actions: Action[][] = [];
  for (const window of windows) {
    const decided = optimise(window, posture);
    posture = decided.posture;
    actions.push(decided.actions);
  }
  return { posture, actions };
}
const times = <T>(count: number, value: T) => Array.from({ length: count }, () => value);

test("a quiet window changes nothing; memory near its bound trims caches, each window anew", () => {
  assert.deepEqual(play(times(5, quiet)).actions.flat(), []);
  const full = { ...quiet, memoryShare: 0.86 };
  assert.deepEqual(
    play([full, full])
      .actions.flat()
      .map(({ kind }) => kind),
    ["trim-caches", "trim-caches"],
  );
});

test("a busy processor takes concurrency down to a quarter at most, and calm brings all of it back", () => {
  const busy = play(times(20, { ...quiet, cpuShare: 0.95 }));
  assert.equal(busy.posture.concurrency, 0.25);
  assert.equal(busy.actions.flat().length, 5, "at the bound there is nothing more to do");
  assert.match(busy.actions[0]?.[0]?.reason ?? "", /CPU at 95 %/);
  const calm = play(times(40, quiet), busy.posture);
  assert.equal(calm.posture.concurrency, 1);
  assert.ok((calm.actions[0]?.length ?? 1) === 0 && calm.actions[2]?.length === 1, "three windows of calm for a step");
  assert.equal(play(times(9, { ...quiet, cpuShare: 0.8 }), busy.posture).posture.concurrency, 0.25);
});

test("a model that fails, is slow, or is far slower than usual is asked last for ten windows", () => {
  const reasons = (each: ModelWindow, from = CALM) =>
    play([{ ...quiet, models: [each] }], from)
      .actions.flat()
      .map(({ kind, reason }) => `${kind}: ${reason}`);
  assert.deepEqual(reasons(model({ failed: 15 })), ["reserve-model: 15 of 20 calls failed"]);
  assert.match(reasons(model({ p95Ms: 16_000 }))[0] ?? "", /above 15000 ms/);
  assert.deepEqual(reasons(model({ p95Ms: 16_000, calls: 4 })), [], "four calls are no evidence");
  const learned = play(times(5, { ...quiet, models: [model({})] })).posture;
  assert.match(reasons(model({ p95Ms: 5_000 }), learned)[0] ?? "", /5000 ms, usually 800 ms/);
  assert.deepEqual(reasons(model({ p95Ms: 1_900 }), learned), []);
  const over = play([{ ...quiet, models: [model({ failed: 20 })] }, ...times(10, quiet)]);
  assert.deepEqual(over.actions.at(-1), [{ kind: "restore-model", model: "p/m", reason: "10 windows are over" }]);
  assert.equal(over.posture.reserved.size, 0);
});

test("a slow spell does not become normal, and at most sixteen models are reserved", () => {
  const learned = play(times(5, { ...quiet, models: [model({})] })).posture;
  const spell = play(times(5, { ...quiet, models: [model({ p95Ms: 20_000 })] }), learned).posture;
  assert.equal(spell.baselineMs.get("p/m"), 800);
  const many = Array.from({ length: 40 }, (_, n) => model({ model: `p/${n}`, failed: 20 }));
  assert.equal(play([{ ...quiet, models: many }]).posture.reserved.size, 16);
});
