import assert from "node:assert/strict";
import { test } from "node:test";
import { openWorld, startWorld } from "./advance.fixture.ts";
import { rerunState } from "./rerun.ts";

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", retry: { attempts: 1 }, ...more });
const pause = { kind: "pause", by: "user:x" } as const;
const resume = { kind: "resume", by: "user:x" } as const;

test("a paused run takes results and gives out nothing; time stands still for it", () => {
  const world = startWorld({
    deadlineMs: 60_000,
    steps: [tool("a"), tool("b", { dependsOn: ["a"] }), { id: "w", kind: "wait", timerMs: 10_000 }],
  });
  world.claim("a");
  assert.deepEqual([world.act(pause).answers, world.act(pause).answers], [[true], [false]]);
  world.act({
    kind: "result",
    node: "a",
    shard: 0,
    epoch: 1,
    worker: "w1",
    output: 1,
    failure: undefined,
    costNanoUsd: 0n,
    durationMs: 1,
  });
  assert.deepEqual([world.state("a"), world.state("b")], ["succeeded", "pending"]);
  world.wait(100_000);
  assert.deepEqual([world.run.phase, world.state("w")], ["running", "waiting"]);
  const resumed = world.act(resume);
  assert.deepEqual(
    resumed.dispatches.map(({ node }) => node),
    ["b"],
  );
  assert.equal(world.run.deadlineMs, 1_000_000 + 160_000);
  world.wait(9_999);
  assert.equal(world.state("w"), "waiting");
  world.wait(1);
  assert.equal(world.state("w"), "succeeded");
  assert.deepEqual(world.act(resume).answers, [false]);
});

test("a pause takes steps out of the backlog, holds retries back, and a cancel ends it", () => {
  const world = startWorld({ steps: [tool("a", { retry: { attempts: 2, delayMs: 1000 } })] });
  world.credit = 0;
  world.fail("a");
  world.wait(1000);
  assert.equal(world.step("a").queued, true);
  world.act(pause);
  assert.equal(world.step("a").queued, false);
  world.credit = 10;
  world.wait(5000);
  assert.equal(world.state("a"), "ready");
  world.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.deepEqual([world.run.phase, world.run.pausedAtMs], ["cancelled", undefined]);
});

test("a failed run goes on from what failed; what succeeded stays", () => {
  const world = startWorld({ steps: [tool("a"), tool("b", { dependsOn: ["a"] }), tool("c", { dependsOn: ["b"] })] });
  world.done("a");
  world.fail("b");
  world.nowMs += 1_000_000;
  assert.deepEqual(world.act({ kind: "retry", from: "a", by: "user:x" }).refusals.get(0)?.reason, "STEP_NOT_FAILED");
  assert.equal(world.act({ kind: "retry", from: "x", by: "user:x" }).refusals.get(0)?.reason, "UNKNOWN_STEP");
  const again = world.act({ kind: "retry", by: "user:x" });
  assert.deepEqual(again.dispatches, [{ node: "b", shard: 0, epoch: 2, again: false }]);
  assert.deepEqual(
    [world.run.phase, world.run.deadlineMs, world.step("b").attempt],
    ["running", world.nowMs + 300_000, 2],
  );
  assert.equal(world.act({ kind: "retry", by: "user:x" }).refusals.get(0)?.reason, "RUN_NOT_FAILED");
  world.done("b");
  world.done("c");
  assert.equal(world.run.phase, "succeeded");
});

test("with `from`, everything behind the failed step starts again", () => {
  const world = startWorld({
    steps: [tool("a", { onFailure: "continue" }), tool("b", { dependsOn: ["a"] }), tool("c", { dependsOn: ["b"] })],
  });
  world.fail("a");
  world.done("b");
  world.fail("c");
  world.act({ kind: "retry", from: "a", by: "user:x" });
  assert.deepEqual(["a", "b", "c"].map(world.state), ["dispatched", "pending", "pending"]);
  world.done("a", 5);
  assert.deepEqual([world.state("b"), world.log.at(-1)?.inputs.get("b")], ["dispatched", "{}"]);
});

test("a map that failed goes on with the items that did not succeed", () => {
  const steps = [{ id: "m", kind: "map", over: "$.input", tool: "echo", retry: { attempts: 1 } }];
  const world = startWorld({ steps, output: "$.steps.m.output.items" }, ["x", "y", "z"]);
  world.done("m#1", "X");
  world.fail("m#2");
  assert.deepEqual([world.run.phase, world.state("m#3")], ["failed", "cancelled"]);
  const again = world.act({ kind: "retry", by: "user:x" });
  assert.deepEqual(
    again.dispatches.map(({ shard, epoch }) => [shard, epoch]),
    [
      [2, 2],
      [3, 2],
    ],
  );
  world.done("m#3", "Z");
  world.done("m#2", "Y");
  assert.deepEqual([world.run.phase, world.run.output], ["succeeded", ["X", "Y", "Z"]]);
});

test("a rerun copies what is not behind the named step, and does not undo what it copied", () => {
  const compensate = { tool: "undo" };
  const spec = {
    steps: [
      tool("a", { compensate }),
      tool("b", { dependsOn: ["a"], input: "$.input" }),
      tool("c", { dependsOn: ["b"] }),
    ],
  };
  const old = startWorld(spec, { n: 1 });
  for (const id of ["a", "b", "c"]) old.done(id, id);
  const world = openWorld(spec, { n: 2 });
  const { run, copied } = rerunState(old.run, old.plan, "b", { id: "run-2", input: { n: 2 }, deadlineMs: 2_000_000 });
  world.run = run;
  const started = world.act({ kind: "start", data: {}, copied });
  assert.deepEqual(
    started.changed.map(({ node, state }) => [node, state]),
    [
      ["a", "succeeded"],
      ["b", "dispatched"],
    ],
  );
  assert.equal(started.inputs.get("b"), '{"n":2}');
  world.fail("b");
  assert.equal(world.run.phase, "failed", "nothing of its own to undo");
  assert.deepEqual(rerunState(old.run, old.plan, undefined, run).copied, []);
});

const child = (id: string, more: object = {}) => ({ id, kind: "workflow", workflow: "other", ...more });

test("a pause reaches the runs that steps and items wait for, and so does the end of the pause", () => {
  const world = startWorld(
    { steps: [child("c"), { id: "m", kind: "map", over: "$.input.list", workflow: "other", concurrency: 2 }] },
    { list: [1, 2, 3] },
  );
  const waiting = ["c", "m#1", "m#2"].map((key) => world.step(key).detail.child);
  const paused = world.act(pause);
  assert.deepEqual(
    paused.tellChildren,
    waiting.map((run) => ({ child: run, kind: "pause" })),
  );
  world.endChild("m#1");
  assert.equal(world.state("m#3"), "pending");
  const resumed = world.act(resume);
  assert.deepEqual(
    resumed.tellChildren,
    [waiting[0], waiting[2]].map((run) => ({ child: run, kind: "resume" })),
  );
  assert.equal(resumed.children.length, 1);
});

test("a run that a person paused stays paused when its parent goes on", () => {
  const world = startWorld({ steps: [tool("a")] });
  world.act(pause);
  assert.equal(world.act({ kind: "pause", by: "its parent", parentSeq: 3 }).answers[0], false);
  assert.equal(world.act({ kind: "resume", by: "its parent", parentSeq: 5 }).answers[0], false);
  assert.notEqual(world.run.pausedAtMs, undefined);
  world.act(resume);
  world.act({ kind: "pause", by: "its parent", parentSeq: 7 });
  assert.equal(world.act(pause).answers[0], true, "a person pauses what stands still with its parent");
  assert.equal(world.act({ kind: "resume", by: "its parent", parentSeq: 9 }).answers[0], false);
  assert.equal(world.act(resume).answers[0], true);
});

test("a person may let a run go on whose parent is paused", () => {
  const world = startWorld({ steps: [tool("a")] });
  world.act({ kind: "pause", by: "its parent", parentSeq: 3 });
  assert.equal(world.act(resume).answers[0], true);
  assert.equal(world.act({ kind: "resume", by: "its parent", parentSeq: 5 }).answers[0], false);
  assert.equal(world.run.pausedAtMs, undefined);
});

test("what a parent says twice, or in another order, leaves its child as the parent is", () => {
  const world = startWorld({ steps: [tool("a")] });
  world.act({ kind: "resume", by: "its parent", parentSeq: 5 });
  assert.equal(world.act({ kind: "pause", by: "its parent", parentSeq: 3 }).answers[0], false);
  assert.equal(world.run.pausedAtMs, undefined);
});

test("the input that a gate changed is that of the next try, also when the run was paused meanwhile or the try fails", () => {
  const gate = { value: "$.output.score", atLeast: 0.8, onFail: "retry", change: { hint: "$.output.hint" } };
  const retry = { attempts: 2, delayMs: 1 };
  const world = startWorld({ steps: [child("c", { input: { n: 1 }, gate, retry })] });
  world.act(pause);
  world.endChild("c", { output: { score: 0.1, hint: "slower" } });
  assert.equal(world.state("c"), "ready");
  const resumed = world.act(resume);
  assert.deepEqual(resumed.children[0]?.input, { n: 1, hint: "slower" });
  world.endChild("c", { phase: "failed" });
  const again = world.wait(1000);
  assert.deepEqual(again.children[0]?.input, { n: 1, hint: "slower" });
});
