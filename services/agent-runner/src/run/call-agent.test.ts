import assert from "node:assert/strict";
import { test } from "node:test";
import { AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { answerOf, assertMayCall, inputOf } from "./call-agent.ts";

test("an agent above itself and a fifth one below are refused at run time too, whatever was declared", () => {
  assertMayCall(["a", "b", "c"], "d");
  assert.throws(() => assertMayCall(["a", "b"], "a"), { reason: "AGENT_CYCLE", message: /a → b → a/ });
  assert.throws(() => assertMayCall(["a", "b", "c", "d"], "e"), { reason: "AGENT_DEPTH", message: /at most 4 deep/ });
});

test("the argument text is the input as it is, anything else is JSON with sorted keys", () => {
  assert.equal(inputOf({ text: "hello" }), "hello");
  assert.equal(inputOf({ text: "hello", kind: "x" }), '{"kind":"x","text":"hello"}');
  assert.equal(inputOf({ text: 1 }), '{"text":1}');
});

test("a run hands back its output, else its text; its failure is thrown as what it was", () => {
  const run = (more: object) =>
    AgentRun.fromPartial({ id: "r1", agent: "a", state: AgentRun_State.SUCCEEDED, ...more });
  assert.equal(answerOf(run({ text: "t" })), "t");
  assert.deepEqual(answerOf(run({ text: "{}", output: { a: 1 } })), { a: 1 });
  const failed = (code: string, retryable: boolean) =>
    run({ state: AgentRun_State.FAILED, failure: { code, message: "no", retryable } });
  assert.throws(() => answerOf(failed("INVALID_OUTPUT", false)), {
    code: "FAILED_PRECONDITION",
    reason: "INVALID_OUTPUT",
  });
  assert.throws(() => answerOf(failed("PROVIDER_BUSY", true)), { code: "UNAVAILABLE" });
});
