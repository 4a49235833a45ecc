import assert from "node:assert/strict";
import { test } from "node:test";
import { Rejection, Run, RunState, Step, StepState } from "@agentmesh/proto/orchestrator";
import type { Ends } from "./await-outcomes.ts";
import { judge } from "./judge.ts";
import type { Expectation, Ticket } from "./tickets.ts";

const nothing: Expectation = { outcome: "triaged", hides: [], never_answers: [] };

function ticket(expect: Partial<Expectation>, repeat = false): Ticket {
  return { id: "T-1", eventId: "evt-1", body: "{}", headers: undefined, repeat, expect: { ...nothing, ...expect } };
}

function endsWith(runs: readonly Run[], rejections: readonly Rejection[] = []): Ends {
  return {
    runs: new Map(runs.length === 0 ? [] : [["T-1", runs]]),
    rejections: new Map(rejections.length === 0 ? [] : [["T-1", rejections]]),
  };
}

const answered = Run.fromPartial({
  id: "r1",
  state: RunState.SUCCEEDED,
  output: {
    triage: { category: "billing", priority: "high" },
    reply: { answer: "Look here [kb].", citations: ["kb"] },
  },
  steps: [Step.fromPartial({ node: "answered", state: StepState.SUCCEEDED, input: { body: "card 4111" } })],
  costNanoUsd: 1500n,
  createdAt: new Date(1_000),
  endedAt: new Date(1_250),
});

test("a ticket that ended as expected has no problems", () => {
  const outcome = judge(
    ticket({ status: ["answered"], category: ["billing"], priority: ["high"] }),
    endsWith([answered]),
  );
  assert.deepEqual(outcome.problems, []);
  assert.equal(outcome.status, "answered");
  assert.equal(outcome.costNanoUsd, 1500n);
  assert.equal(outcome.durationMs, 250);
  assert.deepEqual(outcome.citations, ["kb"]);
});

test("each thing that differs is named", () => {
  const { problems } = judge(ticket({ status: ["needs_human"], category: ["refund", "other"] }), endsWith([answered]));
  assert.deepEqual(problems, [
    "status is answered, expected needs_human",
    "category is billing, expected refund or other",
  ]);
});

test("a second run of the same ticket is a defect", () => {
  assert.match(judge(ticket({}), endsWith([answered, answered])).problems.join(), /2 runs instead of one/);
  assert.match(judge(ticket({ outcome: "duplicate" }, true), endsWith([answered, answered])).problems.join(), /2 runs/);
  assert.deepEqual(judge(ticket({ outcome: "duplicate" }, true), endsWith([answered])).problems, []);
});

test("a secret stored with the run and words that must not be answered are found", () => {
  const { problems } = judge(ticket({ hides: ["4111"], never_answers: ["LOOK HERE"] }), endsWith([answered]));
  assert.deepEqual(problems, ["4111 is stored with the run", 'the answer says "LOOK HERE"']);
});

test("a rejection has its code", () => {
  const rejected = endsWith([], [Rejection.fromPartial({ code: "TOO_LARGE" })]);
  assert.deepEqual(judge(ticket({ outcome: "rejected", code: "TOO_LARGE" }), rejected).problems, []);
  assert.match(
    judge(ticket({ outcome: "rejected", code: "INVALID_INPUT" }), rejected).problems.join(),
    /status is TOO_LARGE/,
  );
});

test("a ticket that nothing is known of is unfinished, and a failed run has failed", () => {
  assert.match(judge(ticket({}), endsWith([])).problems.join(), /outcome is unfinished, expected triaged/);
  const failed = Run.fromPartial({ state: RunState.FAILED, failure: { code: "INTERNAL", message: "broke" } });
  const outcome = judge(ticket({}), endsWith([failed]));
  assert.equal(outcome.status, "INTERNAL: broke");
  assert.match(outcome.problems.join(), /outcome is failed/);
});
