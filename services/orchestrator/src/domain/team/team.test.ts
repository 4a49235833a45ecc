import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../advance.fixture.ts";
import { compileTeam } from "./compile-team.ts";
import { teamSpec } from "./team-spec.ts";

function start(team: unknown, input: unknown = { topic: "tides" }): World {
  return startWorld(compileTeam(teamSpec.parse(team)), input);
}

function inputOf(world: World, key: string): unknown {
  return JSON.parse(world.log.findLast((entry) => entry.inputs.has(key))?.inputs.get(key) ?? "null");
}

const writers = {
  pattern: "sequential",
  members: [
    { name: "research", agent: "researcher" },
    { name: "write", agent: "writer" },
  ],
  review: { by: "critic", gate: { value: "$.output.score" } },
};

test("a sequence hands each output on, and a review that passes ends it", () => {
  const world = start(writers);
  world.done("research", { facts: 3 });
  assert.deepEqual(inputOf(world, "write"), { task: { topic: "tides" }, previous: { facts: 3 } });
  world.done("write", "first");
  assert.deepEqual(inputOf(world, "review--1"), { task: { topic: "tides" }, result: "first" });
  world.done("review--1", { score: 0.9 });
  assert.deepEqual([world.run.phase, world.run.output], ["succeeded", { result: "first", review: { score: 0.9 } }]);
  assert.equal(world.state("write--2"), "skipped");
});

test("a review that does not pass has the work done again, three times at most", () => {
  const world = start(writers);
  world.done("research");
  world.done("write", "first");
  world.done("review--1", { score: 0.1, why: "dull" });
  const review = { score: 0.1, why: "dull" };
  assert.deepEqual(inputOf(world, "write--2"), { task: { topic: "tides" }, previous: "first", review });
  world.done("write--2", "second");
  world.done("review--2", { score: 0.8 });
  assert.deepEqual(world.run.output, { result: "second", review: { score: 0.8 } });
  const failing = start(writers);
  failing.done("research");
  for (const suffix of ["", "--2", "--3"]) {
    failing.done(`write${suffix}`, suffix);
    failing.done(`review${suffix || "--1"}`, { score: 0.5 });
  }
  assert.deepEqual([failing.run.phase, failing.run.failure?.code], ["failed", "GATE_FAILED"]);
  const lenient = start({ ...writers, review: { ...writers.review, maxIterations: 1, exhausted: "accept" } });
  lenient.done("research");
  lenient.done("write", "only");
  lenient.done("review--1", { score: 0 });
  assert.deepEqual(lenient.run.output, { result: "only", review: { score: 0 } });
});

test("a review can send the work back to an earlier member", () => {
  const world = start({ ...writers, review: { ...writers.review, redo: "research" } });
  world.done("research");
  world.done("write");
  world.done("review--1", { score: 0 });
  assert.equal(world.state("research--2"), "dispatched");
  world.done("research--2", "better");
  assert.deepEqual(inputOf(world, "write--2"), { task: { topic: "tides" }, previous: "better", review: { score: 0 } });
});

test("members in parallel reach a threshold, and a reducer brings them together", () => {
  const members = ["a", "b", "c", "sum"].map((name) => ({ name, agent: `agent-${name}` }));
  const world = start({ pattern: "parallel", members, reducer: "sum", success: { share: 0.67 } });
  world.done("a", 1);
  world.fail("b", { retryable: false });
  world.done("c", 3);
  assert.deepEqual(inputOf(world, "sum"), { task: { topic: "tides" }, outputs: { a: 1, b: null, c: 3 } });
  world.done("sum", 4);
  assert.deepEqual(world.run.output, { result: 4, review: null });
});

test("a producer's list is consumed item by item and reduced", () => {
  const members = ["plan", "do", "sum"].map((name) => ({ name, agent: `agent-${name}` }));
  const world = start({ pattern: "producer-consumer", members, producer: "plan", consumer: "do", reducer: "sum" });
  world.done("plan", { items: ["x", "y"] });
  assert.deepEqual(inputOf(world, "each--item#2"), { task: { topic: "tides" }, item: "y", index: 1 });
  world.done("each--item#1", "X");
  world.done("each--item#2", "Y");
  assert.deepEqual(inputOf(world, "sum#1"), { task: { topic: "tides" }, items: ["X", "Y"], level: 1 });
  world.done("sum#1", "XY");
  assert.deepEqual(world.run.output, { result: "XY", review: null });
});

test("a router gives the task to who can do what it needs", () => {
  const members = [
    { name: "law", agent: "lawyer", capabilities: ["contracts", "tax"] },
    { name: "code", agent: "coder", capabilities: ["typescript"] },
  ];
  const world = start({ pattern: "router", members }, { needs: ["typescript"] });
  assert.deepEqual([world.state("law"), world.state("code")], ["skipped", "dispatched"]);
  world.done("code", "done");
  assert.deepEqual(world.run.output, { result: "done", review: null });
});

test("teams that cannot work are refused with the member and what to do", () => {
  const refused = (team: object, path: string, message: RegExp) => {
    const [issue] = teamSpec.safeParse(team).error?.issues ?? [];
    assert.deepEqual([issue?.path.join("."), message.test(issue?.message ?? "")], [path, true], issue?.message);
  };
  const members = [{ name: "a", agent: "x" }];
  refused({ pattern: "sequential", members: [...members, ...members] }, "members.1.name", /stands twice/);
  refused({ pattern: "parallel", members, reducer: "b" }, "reducer", /no member b; the members are a/);
  refused({ pattern: "parallel", members, reducer: "a" }, "members", /beside the reducer/);
  refused({ ...writers, pattern: "parallel" }, "review", /is for the pattern sequential, not parallel/);
  refused({ pattern: "producer-consumer", members }, "producer", /name two members/);
  refused({ pattern: "router", members: [...members, { name: "b", agent: "x" }] }, "members.1.agent", /x stands twice/);
});
