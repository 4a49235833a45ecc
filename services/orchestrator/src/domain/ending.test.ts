import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "./advance.fixture.ts";

const undoable = (id: string, more: object = {}) => ({
  id,
  kind: "tool",
  tool: `make-${id}`,
  retry: { attempts: 1 },
  compensate: { tool: `undo-${id}`, input: { made: "$.output", n: "$.input.n" }, retry: { attempts: 2, delayMs: 100 } },
  ...more,
});
const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", retry: { attempts: 1 }, ...more });
const final = { code: "INVALID_ARGUMENT", retryable: false };

function inputOf(world: World, key: string): string | undefined {
  return world.log.findLast((entry) => entry.inputs.has(key))?.inputs.get(key);
}

test("a failed saga is undone from the last to the first, one at a time, and then failed", () => {
  const world = startWorld(
    { steps: [undoable("a"), undoable("b", { dependsOn: ["a"] }), undoable("c", { dependsOn: ["b"] })] },
    { n: 1 },
  );
  world.done("a", "A");
  world.done("b", "B");
  world.fail("c", final);
  assert.deepEqual(
    [world.run.phase, world.run.ending, world.run.failure?.code],
    ["compensating", "failed", "INVALID_ARGUMENT"],
  );
  assert.equal(inputOf(world, "b~undo"), '{"made":"B","n":1}');
  assert.equal(world.state("a~undo"), "pending");
  assert.equal(world.act({ kind: "cancel", by: "user:x", reason: "" }).answers[0], false);
  world.done("b~undo");
  assert.equal(inputOf(world, "a~undo"), '{"made":"A","n":1}');
  const end = world.act({ kind: "tick" });
  assert.equal(end.ended, false);
  world.done("a~undo");
  assert.deepEqual([world.run.phase, world.log.at(-1)?.ended, world.state("c~undo")], ["failed", true, "pending"]);
  assert.equal(world.act({ kind: "retry", by: "user:x" }).refusals.get(0)?.reason, "RUN_COMPENSATED");
});

test("what may have acted is undone first, and awaited before: a running step, a lost lease, a timeout", () => {
  const world = startWorld({ steps: [undoable("a"), undoable("b"), undoable("lost"), tool("c")] });
  world.done("a", "A");
  const b = world.claim("b");
  world.claim("lost");
  world.claim("c");
  world.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.deepEqual(["a", "b", "c"].map(world.state), ["succeeded", "running", "cancelled"]);
  assert.equal(world.state("a~undo"), "pending", "nothing is undone while something may still act");
  assert.equal(
    world.act({
      kind: "result",
      node: "b",
      shard: 0,
      epoch: b,
      worker: "w1",
      output: "B",
      failure: undefined,
      costNanoUsd: 1n,
      durationMs: 1,
    }).answers[0],
    true,
  );
  world.wait(30_000);
  assert.deepEqual([world.state("lost"), world.state("lost~undo")], ["failed", "dispatched"]);
  assert.match(inputOf(world, "lost~undo") ?? "", /"made":null/);
  world.done("lost~undo");
  assert.equal(world.state("b~undo"), "dispatched");
  world.done("b~undo");
  world.done("a~undo");
  assert.equal(world.run.phase, "cancelled");
});

test("an undo that cannot be brought about waits for a person", () => {
  const world = startWorld({ steps: [undoable("a"), tool("b", { dependsOn: ["a"] })] });
  world.done("a");
  world.fail("b");
  world.fail("a~undo");
  world.wait(100);
  world.fail("a~undo");
  assert.deepEqual([world.run.phase, world.state("a~undo")], ["compensating", "in_doubt"]);
  assert.ok(world.log.at(-1)?.events.some((event) => event.type === "run.needs_attention"));
  world.wait(10 * 24 * 3600 * 1000);
  assert.equal(world.run.phase, "compensating", "the deadline does not bound it");
  const resolve = (action: "retry" | "succeed" | "fail", node = "a~undo") =>
    world.act({ kind: "resolve", node, shard: 0, action, by: "user:x" });
  assert.equal(resolve("retry", "a").refusals.get(0)?.reason, "NOT_IN_DOUBT");
  assert.equal(resolve("retry").dispatches.length, 1);
  world.fail("a~undo");
  assert.equal(world.state("a~undo"), "ready", "with all its attempts again");
  world.wait(100);
  world.fail("a~undo");
  resolve("fail");
  assert.equal(world.run.phase, "failed");
});

test("a step that cannot say whether it acted waits for a person, and goes on with what they found", () => {
  const spec = { steps: [undoable("a"), tool("b", { dependsOn: ["a"], input: "$.steps.a.output" })] };
  const doubtful = () => {
    const world = startWorld(spec);
    world.fail("a", { code: "IN_DOUBT", message: "no answer after the call", retryable: false });
    assert.deepEqual([world.state("a"), world.run.phase], ["in_doubt", "running"]);
    return world;
  };
  const found = doubtful();
  found.act({ kind: "resolve", node: "a", shard: 0, action: "succeed", output: { id: 7 }, by: "user:x" });
  assert.equal(inputOf(found, "b"), '{"id":7}');
  const absent = doubtful();
  absent.act({ kind: "resolve", node: "a", shard: 0, action: "fail", by: "user:x" });
  assert.deepEqual([absent.run.phase, absent.run.failure?.code], ["failed", "RESOLVED_FAILED"]);
  const cancelled = doubtful();
  cancelled.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.equal(cancelled.state("a~undo"), "dispatched");
});

test("children are stopped and awaited before anything is undone", () => {
  const world = startWorld({ steps: [undoable("a"), { id: "w", kind: "workflow", workflow: "sub" }] });
  world.done("a");
  const end = world.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.deepEqual([end.stopChildren, world.state("w")], [[{ child: "child-1" }], "waiting"]);
  world.endChild("w", { phase: "cancelled" });
  assert.deepEqual([world.state("w"), world.state("a~undo")], ["cancelled", "dispatched"]);
});

test("a map is undone item by item, in reverse", () => {
  const compensate = { tool: "undo", input: { item: "$.item", made: "$.output" } };
  const steps = [{ id: "m", kind: "map", over: "$.input.list", tool: "make", compensate, retry: { attempts: 1 } }];
  const world = startWorld({ steps }, { list: ["x", "y", "z"] });
  world.done("m#2", 2);
  world.done("m#1", 1);
  world.claim("m#3");
  world.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.deepEqual([world.state("m"), world.state("m#3")], ["waiting", "running"]);
  world.wait(30_000);
  assert.equal(inputOf(world, "m~undo#3"), '{"item":"z","made":null}');
  world.done("m~undo#3");
  assert.equal(inputOf(world, "m~undo#1"), '{"item":"x","made":1}');
  world.done("m~undo#1");
  world.done("m~undo#2");
  assert.equal(world.run.phase, "cancelled");
});

test("a threshold that is missed awaits what may still act before its effects are undone", () => {
  const compensate = { tool: "undo", input: "$.output" };
  const map = { id: "m", kind: "map", over: "$.input", tool: "make", compensate, retry: { attempts: 3, delayMs: 10 } };
  const world = startWorld({ steps: [map] }, ["x", "y", "z"]);
  world.claim("m#1");
  world.done("m#2", "Y");
  world.fail("m#3", final);
  assert.deepEqual([world.run.phase, world.state("m#1")], ["running", "running"]);
  const failure = { code: "UNAVAILABLE", message: "away", retryable: true };
  world.act({
    kind: "result",
    node: "m",
    shard: 1,
    epoch: 1,
    worker: "w1",
    output: null,
    failure,
    costNanoUsd: 0n,
    durationMs: 1,
  });
  assert.deepEqual(
    [world.run.phase, world.state("m#1"), world.state("m~undo#1")],
    ["compensating", "failed", "dispatched"],
  );
});

test("a member that a gather no longer needs is not undone while it may act", () => {
  const steps = [
    undoable("a"),
    undoable("b"),
    { id: "g", kind: "gather", from: ["a", "b"], success: { count: 1 }, rest: "cancel" },
  ];
  const world = startWorld({ steps });
  world.claim("b");
  world.done("a");
  assert.deepEqual([world.state("g"), world.state("b"), world.run.phase], ["succeeded", "running", "running"]);
  world.wait(30_000);
  assert.deepEqual([world.state("b"), world.run.phase], ["failed", "succeeded"]);
});
