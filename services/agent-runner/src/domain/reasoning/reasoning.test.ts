import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgent } from "../agent.ts";
import { asksFor, defineTestAgent, numberTool, says, scriptedPorts } from "../definition.fixture.ts";

const double = numberTool("double", ({ n }) => Number(n) * 2);
const both = { reasoning: ["plan-and-solve", "chain-of-thought"] };

function outcome(result: string, remaining?: readonly string[]) {
  const revised = { revise: remaining !== undefined, reason: remaining ? "it changed" : "" };
  return says(JSON.stringify({ result, ...revised, remaining_steps: remaining ?? [] }));
}

test("it thinks, plans, does each step with its tools, changes the plan, and answers from what was found", async () => {
  const { ports, requests, trace, ended } = scriptedPorts([
    says('{"thoughts":["two things are asked"]}'),
    says('{"steps":["double 1","double 2","give up"]}'),
    asksFor(["double", { n: 1 }]),
    outcome("it is 2"),
    outcome("it is 4", ["double 3"]),
    outcome("it is 6"),
    says("2, 4 and 6"),
  ]);
  const result = await createAgent(defineTestAgent(both, [double])).run("double them", ports);
  assert.deepEqual(result, { text: "2, 4 and 6", output: undefined, isReusable: true });
  assert.deepEqual(trace, [
    { kind: "thought", thoughts: ["two things are asked"] },
    { kind: "plan", steps: ["double 1", "double 2", "give up"] },
    { kind: "step", number: 1, step: "double 1", result: "it is 2" },
    { kind: "step", number: 2, step: "double 2", result: "it is 4" },
    { kind: "revision", reason: "it changed", steps: ["double 3"] },
    { kind: "step", number: 3, step: "double 3", result: "it is 6" },
  ]);
  assert.equal(ended.length, 1);
  assert.deepEqual(
    requests.map(({ tools, output }) => [tools.length, output?.name]),
    [
      [0, "thoughts"],
      [0, "plan"],
      [1, "step"],
      [1, "step"],
      [1, "step"],
      [1, "step"],
      [0, undefined],
    ],
  );
  assert.match(String(requests.at(-1)?.messages.at(-1)?.content), /it is 2.*it is 4.*it is 6/);
});

test("a plan that changes for ever is followed after two changes, and at most 16 steps are done", async () => {
  const again = Array.from({ length: 8 }, (_, index) => `step ${index}`);
  const { ports, trace } = scriptedPorts([
    says(JSON.stringify({ steps: again })),
    ...Array.from({ length: 40 }, () => outcome("more to do", again)),
  ]);
  const agent = defineTestAgent({ reasoning: ["plan-and-solve"] });
  await createAgent(agent).run("?", ports);
  assert.equal(trace.filter(({ kind }) => kind === "revision").length, 2);
  assert.equal(trace.filter(({ kind }) => kind === "step").length, 10);
});

test("a plan that is no plan is repaired within bounds, else the run fails with the reasons", async () => {
  const { ports } = scriptedPorts([says("first I would …"), says('{"steps":["one"]}'), outcome("done"), says("so")]);
  const agent = defineTestAgent({ reasoning: ["plan-and-solve"] });
  assert.equal((await createAgent(agent).run("?", ports)).text, "so");
  const never = scriptedPorts([says('{"steps":[]}')]);
  await assert.rejects(createAgent(agent).run("?", never.ports), {
    reason: "INVALID_OUTPUT",
    message: /plan still does not satisfy its schema: \/steps must NOT have fewer than 1 items/,
  });
});

test("a strategy changes answers, so it is in the policy hash; the order of strategies is not", () => {
  const hash = (...reasoning: string[]) => defineTestAgent({ reasoning }).policyHash;
  assert.notEqual(hash(), hash("chain-of-thought"));
  assert.equal(hash("plan-and-solve", "chain-of-thought"), hash("chain-of-thought", "plan-and-solve"));
});
