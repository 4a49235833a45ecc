import assert from "node:assert/strict";
import { test } from "node:test";
import { planOf } from "../advance.fixture.ts";

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", ...more });
const branch = (id: string, more: object = {}) => ({
  id,
  kind: "branch",
  cases: [{ name: "x", when: { value: "$.input.n", equals: 1 } }],
  else: "y",
  ...more,
});

function refused(steps: readonly object[], field: string, message: RegExp): void {
  assert.throws(
    () => planOf({ steps }),
    (error: Error & { field: string }) => {
      assert.deepEqual([error.field, message.test(error.message)], [field, true], error.message);
      return true;
    },
  );
}

test("steps that no run can reach are refused", () => {
  refused(
    [branch("b"), tool("a", { dependsOn: ["b:z"] })],
    "steps[1].dependsOn",
    /step a: .*the branch b has no case z, .*; its cases are x, y/,
  );
  refused(
    [tool("b"), tool("a", { dependsOn: ["b:x"] })],
    "steps[1].dependsOn",
    /b is a step of kind tool, not a branch/,
  );
  refused(
    [branch("b"), tool("a", { dependsOn: ["b:x", "b:y"] })],
    "steps[1].dependsOn",
    /a can never run: it needs the branch b to take both x and y/,
  );
  refused(
    [branch("b"), branch("c", { dependsOn: ["b:x"] }), tool("a", { dependsOn: ["c:x", "b:y"] })],
    "steps[2].dependsOn",
    /both x and y/,
  );
  planOf({
    steps: [
      branch("b"),
      tool("p", { dependsOn: ["b:x"] }),
      tool("q", { dependsOn: ["b:y"] }),
      tool("a", { dependsOn: ["p", "q"] }),
    ],
  });
});

test("thresholds and parts that can never be met are refused", () => {
  const gather = (more: object) => ({ id: "g", kind: "gather", from: ["a"], ...more });
  refused([tool("a"), gather({ success: { count: 2 } })], "steps[1].success.count", /2 of 1 steps can never succeed/);
  refused([tool("a"), gather({ from: ["a", "a"] })], "steps[1].from", /stands twice/);
  refused([tool("a"), gather({ from: ["x"] })], "steps[1].from", /there is no step x/);
  refused([tool("a", { dependsOn: ["g"] }), gather({})], "steps[0].dependsOn", /wait for each other/);
  refused([branch("b", { else: "x" })], "steps[0].cases", /the case x stands twice/);
  const change = { value: "$.output.s", change: { t: 1 } };
  refused([tool("a", { gate: change })], "steps[0].gate.change", /only onFail: retry tries again/);
  const parts = [
    [{ id: "m", kind: "map", over: "$.input", agent: "a", tool: "b" }, /exactly one of agent, tool, workflow and team/],
    [{ id: "w", kind: "wait", timerMs: 1, until: "$.input.at" }, /exactly one of timerMs, until and event/],
    [tool("a", { gate: {} }), /a gate needs a value or completeness/],
    [tool("a", { compensate: {} }), /exactly one of agent and tool/],
    [gather({ success: { share: 0.5, count: 1 } }), /exactly one of share and count/],
  ] as const;
  for (const [step, message] of parts) assert.throws(() => planOf({ steps: [step] }), message);
  assert.throws(() => planOf({ slaMs: 300_000, steps: [tool("a")] }), /must be below deadlineMs/);
});
