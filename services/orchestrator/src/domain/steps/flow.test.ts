import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld } from "../advance.fixture.ts";

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", ...more });

test("a child run is asked for, its end is the step's, and a failed one is tried again when asked for", () => {
  const world = startWorld(
    {
      steps: [
        {
          id: "sub",
          kind: "workflow",
          workflow: "triage",
          input: { n: "$.input.n" },
          retry: { attempts: 2, delayMs: 100 },
        },
        tool("b", { dependsOn: ["sub"], input: "$.steps.sub.output" }),
      ],
    },
    { n: 4 },
  );
  const first = { node: "sub", shard: 0, attempt: 1, child: "child-1", workflow: "triage", input: { n: 4 } };
  assert.deepEqual(world.log[0]?.children, [{ ...first, deadlineMs: world.run.deadlineMs }]);
  assert.equal(world.state("sub"), "waiting");
  assert.equal(world.endChild("sub", { phase: "failed" }), true);
  assert.equal(world.state("sub"), "ready");
  const again = world.wait(100);
  assert.deepEqual(again.children[0]?.input, { n: 4 });
  assert.equal(again.children[0]?.attempt, 2);
  const other = { kind: "child-ended", node: "sub", shard: 0, child: "child-1", phase: "succeeded" } as const;
  assert.deepEqual(world.act({ ...other, output: 1, failure: undefined, costNanoUsd: 0n }).answers, [false]);
  assert.equal(world.endChild("sub", { output: { done: true } }), true);
  assert.equal(world.endChild("sub"), true, "a repeat is fine");
  assert.equal(world.log.findLast((entry) => entry.inputs.has("b"))?.inputs.get("b"), '{"done":true}');
  assert.equal(world.run.costNanoUsd, 14n);
});

test("a child that does not end in time is stopped, and teams are workflows of their own", () => {
  const world = startWorld({ steps: [{ id: "t", kind: "team", team: "writers", timeoutMs: 1000 }] });
  assert.equal(world.log[0]?.children[0]?.workflow, "team:writers");
  const late = world.wait(1000);
  assert.deepEqual(late.stopChildren, [{ child: "child-1" }]);
  assert.equal(world.run.failure?.code, "DEADLINE_EXCEEDED");
});

test("a cancelled run stops its children", () => {
  const world = startWorld({ steps: [{ id: "t", kind: "workflow", workflow: "w" }] });
  const cancelled = world.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.deepEqual([cancelled.stopChildren, world.run.phase], [[{ child: "child-1" }], "cancelled"]);
});

test("an agent named by a path is checked when the step starts", () => {
  const spec = {
    steps: [
      {
        id: "route",
        kind: "route",
        candidates: [
          { agent: "slow", capabilities: ["write", "read"] },
          { agent: "quick", capabilities: ["write", "read"] },
          { team: "idle", capabilities: ["read"] },
        ],
        needs: "$.input.needs",
      },
      { id: "work", kind: "agent", agent: "$.steps.route.output.chosen", dependsOn: ["route"] },
    ],
    output: "$.steps.route.output",
  };
  const standing = (work: { name: string }) => ({ load: work.name === "slow" ? 0.9 : 0.1, performance: 0.5 });
  const world = startWorld(spec, { needs: ["write", "read"] }, undefined, { standing });
  assert.equal(world.step("work").detail.target, "quick");
  world.done("work");
  const output = world.run.output;
  assert.ok(output !== null && typeof output === "object" && "scores" in output && Array.isArray(output.scores));
  assert.equal(output.scores.length, 3);
  assert.equal(startWorld(spec, { needs: ["swim"] }).run.failure?.code, "NO_MATCH");
  const gone = startWorld(spec, { needs: [] }, undefined, { exists: () => false });
  assert.match(gone.run.failure?.message ?? "", /step work: there is no agent slow/);
});

test("a branch takes the first case that holds; steps of other cases and what only follows them are skipped", () => {
  const spec = {
    steps: [
      {
        id: "size",
        kind: "branch",
        cases: [
          { name: "big", when: { value: "$.input.n", atLeast: 100 } },
          { name: "mid", when: { value: "$.input.n", atLeast: 10 } },
        ],
        else: "small",
      },
      tool("b", { dependsOn: ["size:big"] }),
      tool("after-b", { dependsOn: ["b"] }),
      tool("m", { dependsOn: ["size:mid"] }),
      tool("s", { dependsOn: ["size:small"] }),
      tool("end", { dependsOn: ["after-b", "m", "s"], input: { $first: ["$.steps.b.output", "$.steps.m.output"] } }),
    ],
    output: "$.steps.size.output.case",
  };
  const world = startWorld(spec, { n: 50 });
  assert.deepEqual(["b", "after-b", "m", "s"].map(world.state), ["skipped", "skipped", "dispatched", "skipped"]);
  world.done("m", { v: 1 });
  assert.equal(world.log.at(-1)?.inputs.get("end"), '{"v":1}');
  world.done("end");
  assert.deepEqual([world.run.phase, world.run.output], ["succeeded", "mid"]);
});

test("timers fire at their time, waits for a time in the past at once", () => {
  const world = startWorld(
    {
      steps: [
        { id: "pause", kind: "wait", timerMs: 5000 },
        { id: "until", kind: "wait", until: "$.input.at", dependsOn: ["pause"] },
      ],
      output: "$.steps.pause.output.firedAt",
    },
    { at: "1970-01-01T00:00:00Z" },
  );
  assert.equal(world.run.wakeAtMs, world.nowMs + 5000);
  world.wait(4999);
  assert.equal(world.state("pause"), "waiting");
  world.wait(1);
  assert.deepEqual([world.run.phase, world.run.output], ["succeeded", "1970-01-01T00:16:45.000Z"]);
  const wrong = startWorld({ steps: [{ id: "u", kind: "wait", until: "$.input.at" }] }, { at: "soon" });
  assert.match(wrong.run.failure?.message ?? "", /leads to "soon", which is no time/);
});

test("an event is taken when it carries what the run waits for", () => {
  const event = { type: "order.paid", publisher: "shop", match: "$.data.order", equals: "$.input.order" };
  const spec = {
    steps: [{ id: "paid", kind: "wait", event, timeoutMs: 10_000 }],
    output: "$.steps.paid.output.event.id",
  };
  const world = startWorld(spec, { order: 7 });
  assert.deepEqual(world.log[0]?.eventWaits, [
    { node: "paid", shard: 0, publisher: "shop", type: "order.paid", match: "$.data.order", key: "7" },
  ]);
  const arrived = (order: number) =>
    ({
      kind: "event",
      node: "paid",
      shard: 0,
      event: { id: "e1", type: "order.paid", data: { order }, time: "t" },
    }) as const;
  assert.deepEqual(world.act(arrived(8)).answers, [false]);
  assert.deepEqual(world.act(arrived(7)).answers, [true]);
  assert.deepEqual([world.run.phase, world.run.output], ["succeeded", "e1"]);
  const late = startWorld(spec, { order: 7 });
  late.wait(10_000);
  assert.equal(late.run.failure?.code, "WAIT_EXPIRED");
});

test("an SLA that will be missed is said once, from what the open steps usually take", () => {
  const spec = { slaMs: 60_000, steps: [tool("a"), tool("b", { dependsOn: ["a"] }), tool("c")] };
  const expected: Record<string, number> = { a: 20_000, b: 30_000, c: 10_000 };
  const world = startWorld(spec, {}, undefined, { expectedMs: (node) => expected[node] });
  assert.deepEqual([world.run.slaAtMs, world.run.wakeAtMs], [world.nowMs + 60_000, world.nowMs + 10_001]);
  assert.equal(world.wait(10_000).atRisk, false);
  const flagged = world.wait(1);
  assert.deepEqual(
    [flagged.atRisk, flagged.events[0]?.type, flagged.events[0]?.data.expectedEndMs],
    [true, "run.at_risk", 1_060_001],
  );
  assert.equal(world.wait(50_000).atRisk, false);
  assert.equal(world.run.phase, "running");
});

test("a gate passes a retry at less, changes its input, looks at completeness, and shows as gate", () => {
  const gate = { value: "$.output.score", onFail: "retry", change: { temperature: 0.7, was: "$.output.score" } };
  const world = startWorld({ steps: [tool("a", { input: { q: "$.input.q" }, gate })] }, { q: "x" });
  world.done("a", { score: 0.75 });
  assert.equal(world.log.at(-1)?.inputs.get("a"), '{"q":"x","temperature":0.7,"was":0.75}');
  world.done("a", { score: 0.7 });
  assert.equal(world.run.phase, "succeeded");
  const spec = {
    steps: [
      tool("a", { gate: { completeness: { required: ["$.output.x", "$.output.y"] }, onFail: "branch" } }),
      {
        id: "b",
        kind: "branch",
        dependsOn: ["a"],
        cases: [{ name: "bad", when: { value: "$.steps.a.gate", equals: "failed" } }],
      },
      tool("repair", { dependsOn: ["b:bad"] }),
    ],
  };
  const lacking = startWorld(spec);
  lacking.done("a", { x: 1 });
  assert.equal(lacking.state("repair"), "dispatched");
  const complete = startWorld(spec);
  complete.done("a", { x: 1, y: 2 });
  assert.deepEqual([complete.run.phase, complete.state("repair")], ["succeeded", "skipped"]);
});
