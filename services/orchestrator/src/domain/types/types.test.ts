import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSpec } from "../advance.fixture.ts";
import { compilePlan } from "../plan.ts";
import { compileTeam } from "../team/compile-team.ts";
import { teamSpec } from "../team/team-spec.ts";
import type { Known } from "./step-outputs.ts";

const score = {
  type: "object",
  properties: { score: { type: "number" }, tags: { type: "array", items: { type: "string" } } },
};
const search = {
  type: "object",
  properties: { query: { type: "string" }, top: { type: "integer" }, mode: { enum: ["fast", "deep"] } },
  required: ["query"],
  additionalProperties: false,
};

const known: Known = {
  agentOutput: (name) => (name === "rater" ? score : undefined),
  toolParameters: (name) => (name === "search" ? search : undefined),
  workflowInput: (name) => (name === "triage" ? { type: "object", required: ["ticket"] } : undefined),
};

const rate = { id: "rate", kind: "agent", agent: "rater" };
const find = (input: unknown, more: object = {}) => ({
  id: "find",
  kind: "tool",
  tool: "search",
  dependsOn: ["rate"],
  input,
  ...more,
});

function refused(steps: readonly object[], field: string, message: RegExp, more: object = {}): void {
  assert.throws(
    () => compilePlan(parseSpec({ steps, ...more }), known),
    (error: Error & { field: string }) => {
      assert.deepEqual([error.field, message.test(error.message)], [field, true], error.message);
      return true;
    },
  );
}

test("a path to what an output does not have is refused, with what it has", () => {
  refused(
    [rate, find({ query: "$.steps.rate.output.scor" })],
    "steps[1].input",
    /step find: steps\[1\]\.input: \$\.steps\.rate\.output\.scor leads nowhere: .* has no scor; it has score, tags/,
  );
  refused([rate, find({ query: "$.steps.rate.output.score.x" })], "steps[1].input", /is number, which has no x/);
  refused(
    [rate, find({ query: "x" }, { when: { value: "$.steps.rate.output.s", exists: true } })],
    "steps[1].when",
    /has no s;/,
  );
  refused(
    [{ ...rate, gate: { value: "$.output.tags" } }],
    "steps[0].gate.value",
    /\$\.output\.tags is array, and number is expected/,
  );
  refused([rate], "output", /has no total/, { output: { t: "$.steps.rate.output.total" } });
  const map = { id: "m", kind: "map", agent: "rater", dependsOn: ["rate"], over: "$.steps.rate.output.tags" };
  refused([rate, { ...map, over: "$.steps.rate.output.score" }], "steps[1].over", /is number, and array is expected/);
  refused([rate, { ...map, input: "$.item.x" }], "steps[1].input", /is string, which has no x/);
  refused([rate, map], "output", /has no results; it has total, ok/, { output: "$.steps.m.output.results" });
  const closed = { input: { type: "object", properties: { n: {} }, additionalProperties: false } };
  refused([{ ...rate, input: "$.input.m" }], "steps[0].input", /has no m; it has n/, closed);
});

test("inputs that a tool or workflow cannot take are refused, with the member", () => {
  refused([rate, find({ top: 3 })], "steps[1].input", /the tool search needs query, which it does not give/);
  refused([rate, find({ query: "x", limit: 3 })], "steps[1].input.limit", /knows no limit; it takes query, top, mode/);
  refused([rate, find({ query: 7 })], "steps[1].input.query", /it is integer, and the tool search wants string/);
  refused(
    [rate, find({ query: "x", mode: "slow" })],
    "steps[1].input.mode",
    /"slow", and the tool search wants one of \["fast","deep"\]/,
  );
  refused(
    [rate, find({ query: "$.steps.rate.output.score" })],
    "steps[1].input.query",
    /\$\.steps\.rate\.output\.score is number, and the tool search wants string/,
  );
  refused([{ id: "w", kind: "workflow", workflow: "triage" }], "steps[0].input", /the workflow triage needs ticket/);
  refused([{ ...rate, compensate: { tool: "search", input: {} } }], "steps[0].compensate.input", /needs query/);
});

test("what nobody can know before the run is let pass", () => {
  const steps = [
    rate,
    find({ query: "$.steps.rate.output.tags[0]", top: "$.input.top", mode: { $first: ["$.input.mode", "fast"] } }),
    { id: "other", kind: "agent", agent: "unknown", dependsOn: ["find"], input: "$.steps.find.output.whatever" },
    { id: "end", kind: "tool", tool: "search", dependsOn: ["other"], input: "$.steps.other.output.x.y" },
  ];
  assert.ok(compilePlan(parseSpec({ steps, output: "$.steps.end.output" }), known));
  const members = [
    { name: "a", agent: "rater" },
    { name: "b", agent: "rater" },
  ];
  for (const pattern of ["sequential", "parallel"]) {
    const review = pattern === "sequential" ? { review: { by: "rater", gate: { value: "$.output.score" } } } : {};
    assert.ok(compilePlan(compileTeam(teamSpec.parse({ pattern, members, ...review })), known));
  }
});
