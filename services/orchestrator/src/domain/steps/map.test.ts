import assert from "node:assert/strict";
import { test } from "node:test";
import { result, startWorld, type World } from "../advance.fixture.ts";
import { needed } from "../success.ts";

const map = (more: object = {}) => ({
  id: "m",
  kind: "map",
  over: "$.input.list",
  tool: "echo",
  input: { x: "$.item", at: "$.index" },
  ...more,
});
const list = (length: number) => ({ list: Array.from({ length }, (_, index) => `i${index}`) });

function doneAll(world: World, outputOf: (key: string) => unknown = () => 1, node = "m"): void {
  for (let round = 0; round < 1000; round++) {
    const waiting = [...world.run.steps].filter(
      ([key, step]) => key.startsWith(`${node}#`) && step.state === "dispatched",
    );
    if (waiting.length === 0) return;
    for (const [key] of waiting) world.done(key, outputOf(key));
  }
}

test("items are released in order, `concurrency` at a time, and come out in order", () => {
  const world = startWorld({ steps: [map({ concurrency: 2 })], output: "$.steps.m.output" }, list(3));
  assert.deepEqual(
    [world.state("m"), world.state("m#1"), world.state("m#2"), world.state("m#3")],
    ["waiting", "dispatched", "dispatched", "pending"],
  );
  assert.equal(world.log[0]?.inputs.get("m#2"), '{"x":"i1","at":1}');
  world.done("m#2", "b");
  assert.equal(world.state("m#3"), "dispatched");
  assert.deepEqual(world.step("m").detail.counts, { total: 3, ok: 1, failed: 0, open: 2, next: 4, bytes: 3 });
  world.done("m#3", "c");
  world.done("m#1", "a");
  assert.deepEqual(world.run.output, { total: 3, ok: 3, failed: 0, failures: [], items: ["a", "b", "c"] });
});

test("an empty list is done at once; what is no list, or too short for the threshold, fails with the reason", () => {
  const spec = { steps: [map({ success: { count: 2 } })] };
  const empty = startWorld({ steps: [map()], output: "$.steps.m.output.items" }, list(0));
  assert.deepEqual([empty.run.phase, empty.run.output], ["succeeded", []]);
  assert.match(
    startWorld(spec, {}).run.failure?.message ?? "",
    /\$\.input\.list leads to nothing, and a map needs a list/,
  );
  assert.match(
    startWorld(spec, list(1)).run.failure?.message ?? "",
    /2 items must succeed, and \$\.input\.list has only 1/,
  );
});

test("thresholds are exact: 0.67 of 3 is 2, and a map fails when it can no longer be met", () => {
  assert.deepEqual(
    [1, 2, 3, 4, 6, 100].map((n) => needed({ share: 0.67 }, n)),
    [1, 2, 2, 3, 4, 67],
  );
  assert.deepEqual(
    [needed(undefined, 7), needed({ share: 1 }, 7), needed({ count: 2 }, 7), needed({ share: 0.001 }, 1)],
    [7, 7, 2, 1],
  );
  const spec = { steps: [map({ success: { share: 0.67 } })], output: "$.steps.m.output" };
  const world = startWorld(spec, list(3));
  world.fail("m#1", { retryable: false });
  assert.equal(world.run.phase, "running");
  doneAll(world);
  const failures = [{ index: 0, code: "UNAVAILABLE", message: "the tool is away" }];
  assert.deepEqual(world.run.output, { total: 3, ok: 2, failed: 1, failures, items: [null, 1, 1] });
  const failing = startWorld(spec, list(3));
  failing.fail("m#1", { retryable: false });
  failing.fail("m#3", { retryable: false });
  assert.deepEqual(
    [failing.run.phase, failing.run.failure?.code, failing.state("m#2")],
    ["failed", "THRESHOLD_MISSED", "cancelled"],
  );
  assert.match(failing.run.failure?.message ?? "", /2 of 3 items failed, and 2 must succeed; item 0: UNAVAILABLE/);
});

test("items are retried, taken over, run as children, and have a bound on what is kept together", () => {
  const world = startWorld(
    { steps: [map({ retry: { attempts: 2, delayMs: 100 } })], output: "$.steps.m.state" },
    list(1),
  );
  world.fail("m#1");
  assert.equal(world.state("m#1"), "ready");
  world.wait(100);
  world.claim("m#1");
  world.wait(30_000);
  world.wait(10_000);
  world.done("m#1");
  assert.equal(world.run.output, "succeeded");
  const children = startWorld(
    { steps: [map({ tool: undefined, workflow: "w" })], output: "$.steps.m.output.items" },
    list(2),
  );
  assert.deepEqual(
    children.log[0]?.children.map(({ shard, input }) => [shard, input]),
    [
      [1, { x: "i0", at: 0 }],
      [2, { x: "i1", at: 1 }],
    ],
  );
  children.endChild("m#2", { output: 2 });
  children.endChild("m#1", { output: 1 });
  assert.deepEqual(children.run.output, [1, 2]);
  const large = startWorld({ steps: [map()], output: "$.steps.m.output" }, list(3));
  doneAll(large, () => "x".repeat(400_000));
  assert.deepEqual(large.run.output, { total: 3, ok: 3, failed: 0, failures: [], itemsKept: true });
});

test("a long map says its progress a hundred times, and items whose input cannot travel fail alone", () => {
  const world = startWorld({ steps: [map({ concurrency: 50 })] }, list(1000));
  doneAll(world);
  const types = world.log.flatMap((entry) => entry.events.map((event) => event.type));
  assert.equal(types.filter((type) => type === "step.progress").length, 100);
  assert.ok(types.length < 110);
  const deep = { list: [1, "x".repeat(600_000), 3] };
  const mixed = startWorld(
    { steps: [map({ success: { count: 2 } })], output: "$.steps.m.output.failures[0].index" },
    deep,
  );
  doneAll(mixed);
  assert.deepEqual([mixed.run.phase, mixed.run.output], ["succeeded", 1]);
});

test("a paused map gives out nothing and goes on where it was", () => {
  const world = startWorld({ steps: [map({ concurrency: 1 })] }, list(2));
  world.claim("m#1");
  world.act({ kind: "pause", by: "user:x" });
  world.act({
    kind: "result",
    node: "m",
    shard: 1,
    epoch: 1,
    worker: "w1",
    output: 1,
    failure: undefined,
    costNanoUsd: 0n,
    durationMs: 1,
  });
  assert.deepEqual([world.state("m#1"), world.state("m#2")], ["succeeded", "pending"]);
  world.act({ kind: "resume", by: "user:x" });
  assert.equal(world.state("m#2"), "dispatched");
});

test("an item that is handed to a worker and dropped in the same advance is not handed", () => {
  const tooLarge = "x".repeat(600_000);
  const world = startWorld({ steps: [map({ concurrency: 2 })] }, { list: ["a", "b", "c", tooLarge] });
  for (const key of ["m#1", "m#2"]) world.claim(key);
  world.more = { offer: { worker: "w1", places: 2 } };
  const { handed } = world.act(result("m#1", 1, {}), result("m#2", 1, {}));
  assert.deepEqual([world.run.failure?.code, world.state("m#3"), handed], ["THRESHOLD_MISSED", "cancelled", []]);
});

test("a long map does not keep its workers from what waits in the queue: each eighth item goes through it", () => {
  const world = startWorld({ steps: [map({ concurrency: 1 })] }, list(32));
  world.claim("m#1");
  world.more = { offer: { worker: "w1", places: 1 } };
  const queued: number[] = [];
  for (let item = 1; item < 32; item++) {
    const { handed, dispatches } = world.act(result(`m#${item}`, 1, {}));
    assert.equal(handed.length + dispatches.length, 1);
    for (const { shard } of dispatches) {
      queued.push(shard);
      world.claim(`m#${shard}`);
    }
  }
  assert.deepEqual(queued, [8, 16, 24, 32]);
});

test("a map in runs that other maps started has a bound over all of them, and the error names it", () => {
  const spec = { steps: [{ id: "m", kind: "map", over: "$.input.list", tool: "echo" }] };
  const list = Array.from({ length: 101 }, (_, n) => n);
  const parent = { run: "p", node: "each", shard: 4 };
  const nested = startWorld(spec, { list }, () => 1, { nested: () => 10_000, parent });
  assert.equal(nested.run.failure?.code, "INVALID_ARGUMENT");
  assert.match(nested.run.failure?.message ?? "", /step m: .*101 items .* 10000 runs.* 1010000 .* more than 1000000/);
  const fits = startWorld(spec, { list: list.slice(0, 100) }, () => 1, { nested: () => 10_000, parent });
  assert.equal(fits.state("m"), "waiting");
});
