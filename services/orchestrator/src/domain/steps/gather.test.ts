import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../advance.fixture.ts";

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", retry: { attempts: 1 }, ...more });
const three = (more: object = {}) => ({
  steps: [
    tool("a"),
    tool("b"),
    tool("c"),
    { id: "g", kind: "gather", from: ["a", "b", "c"], success: { share: 0.67 }, ...more },
  ],
  output: "$.steps.g.output",
});

test("a gather waits for all its members, and their failures are its to judge", () => {
  const world = startWorld(three());
  world.done("a", 1);
  world.fail("b");
  assert.equal(world.state("g"), "waiting");
  world.done("c", 3);
  assert.deepEqual(world.run.output, { ok: 2, failed: 1, outputs: { a: 1, b: null, c: 3 } });
  const failing = startWorld(three());
  for (const id of ["a", "b"]) failing.fail(id);
  assert.equal(failing.run.phase, "running", "rest: await");
  failing.done("c");
  assert.match(failing.run.failure?.message ?? "", /step g: 1 of 3 steps succeeded, and 2 must; not a, b/);
});

test("with rest: cancel a gather is certain or impossible as soon as it can be", () => {
  const world = startWorld(three({ rest: "cancel" }));
  world.claim("c");
  world.done("a");
  world.done("b");
  assert.deepEqual([world.run.phase, world.state("c")], ["succeeded", "cancelled"]);
  const failing = startWorld(three({ rest: "cancel" }));
  failing.fail("a");
  failing.fail("b");
  assert.deepEqual([failing.run.failure?.code, failing.state("c")], ["THRESHOLD_MISSED", "cancelled"]);
});

test("members that were skipped do not count, members that wait for others are cancelled too", () => {
  const steps = [
    tool("a"),
    tool("b", { when: { value: "$.input.b", equals: true } }),
    tool("late", { dependsOn: ["a"] }),
    { id: "g", kind: "gather", from: ["b", "late"], dependsOn: [] },
  ];
  const world = startWorld({ steps });
  world.done("a");
  world.done("late");
  assert.equal(world.run.phase, "succeeded");
  const first = startWorld({
    steps: [
      tool("slow"),
      tool("quick"),
      tool("last", { dependsOn: ["slow"] }),
      { id: "g", kind: "gather", from: ["quick", "last"], success: { count: 1 }, rest: "cancel" },
    ],
  });
  first.done("quick");
  assert.deepEqual(
    [first.state("last"), first.state("slow"), first.state("g")],
    ["cancelled", "dispatched", "succeeded"],
  );
  first.done("slow");
  assert.equal(first.run.phase, "succeeded");
});

function reduceAll(world: World, sum: (items: readonly number[]) => number): number {
  let largest = 0;
  for (let round = 0; round < 100 && world.run.phase === "running"; round++) {
    for (const [key, step] of [...world.run.steps]) {
      if (step.state !== "dispatched") continue;
      const json = world.log.findLast((entry) => entry.inputs.has(key))?.inputs.get(key) ?? "";
      const input: { items?: number[] } = JSON.parse(json);
      largest = Math.max(largest, input.items?.length ?? 0);
      world.done(key, input.items ? sum(input.items) : 1);
    }
  }
  return largest;
}

test("a tree reduces a map's outputs batch by batch and level by level", () => {
  const spec = (batch: number) => ({
    steps: [
      { id: "m", kind: "map", over: "$.input.list", tool: "one", concurrency: 100, success: { share: 0.1 } },
      { id: "g", kind: "gather", from: ["m"], reduce: { tool: "sum", batch }, concurrency: 2 },
    ],
    output: "$.steps.g.output",
  });
  const add = (items: readonly number[]) => items.reduce((sum, item) => sum + item, 0);
  for (const [length, batch] of [
    [1, 2],
    [2, 2],
    [3, 2],
    [17, 3],
    [100, 10],
    [101, 10],
  ] as const) {
    const world = startWorld(spec(batch), { list: Array.from({ length }, () => 0) });
    const largest = reduceAll(world, add);
    assert.deepEqual([world.run.phase, world.run.output], ["succeeded", length], `${length} by ${batch}`);
    assert.ok(largest <= batch);
  }
  const some = startWorld(spec(2), { list: [0, 0, 0, 0] });
  some.fail("m#2", { retryable: false });
  reduceAll(some, add);
  assert.equal(some.run.output, 3);
  const none = startWorld(spec(2), { list: [] });
  assert.deepEqual([none.run.phase, none.run.output], ["succeeded", null]);
});

test("the outputs of several steps can be reduced too, and a batch that fails ends the gather", () => {
  const spec = three({
    reduce: { tool: "sum", batch: 2, input: { all: "$.items", level: "$.level", q: "$.input.q" } },
    retry: { attempts: 1 },
  });
  const world = startWorld(spec, { q: "why" });
  world.done("a", 1);
  world.fail("b");
  world.done("c", 3);
  assert.equal(world.log.at(-1)?.inputs.get("g#1"), '{"all":[1,3],"level":1,"q":"why"}');
  world.done("g#1", "both");
  assert.equal(world.run.output, "both");
  const failing = startWorld(spec);
  for (const id of ["a", "b", "c"]) failing.done(id, id);
  assert.equal(failing.state("g#2"), "dispatched");
  failing.fail("g#1");
  assert.match(failing.run.failure?.message ?? "", /a batch of level 1 could not be reduced: UNAVAILABLE/);
  assert.equal(failing.state("g#2"), "cancelled");
});

test("a member that is handed to a worker and is not needed in the same advance is not handed", () => {
  const spec = (more: object) => ({
    steps: [
      tool("slow"),
      tool("last", { dependsOn: ["slow"], ...more }),
      { id: "g", kind: "gather", from: ["slow", "last"], success: { count: 1 }, rest: "cancel" },
      tool("end", { dependsOn: ["g"] }),
    ],
  });
  for (const more of [{}, { compensate: { tool: "undo" } }]) {
    const world = startWorld(spec(more));
    world.more = { offer: { worker: "w1", places: 1 } };
    world.done("slow");
    assert.equal(world.state("last"), "cancelled");
    assert.equal(world.step("last").detail.uncertain, undefined, "nobody had it");
    assert.deepEqual(world.log.at(-1)?.handed, ["end"]);
  }
});
