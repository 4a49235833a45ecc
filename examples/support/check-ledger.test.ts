import assert from "node:assert/strict";
import { test } from "node:test";
import { LedgerRow } from "@agentmesh/proto/cost";
import { AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { compareLedger } from "./check-ledger.ts";

const run = AgentRun.fromPartial({
  id: "r1",
  agent: "drafter",
  state: AgentRun_State.SUCCEEDED,
  usage: { modelCalls: 2 },
  cache: "none",
});

function row(attemptId: string, rest: Partial<LedgerRow> = {}): LedgerRow {
  return LedgerRow.fromPartial({
    attemptId,
    charge: { runId: "r1" },
    uncachedInputTokens: 10n,
    outputTokens: 3n,
    costNanoUsd: 7n,
    ...rest,
  });
}

test("one row for each model call agrees and is summed", () => {
  const check = compareLedger([run], [row("a"), row("b")]);
  assert.deepEqual(check.problems, []);
  assert.equal(check.modelCalls, 2);
  assert.equal(check.rows, 2);
  assert.equal(check.inputTokens, 20n);
  assert.equal(check.costNanoUsd, 14n);
});

test("a missing row, a doubled row and a paid cache hit are found", () => {
  assert.match(compareLedger([run], [row("a")]).problems.join(), /2 model calls, 1 ledger rows/);
  assert.match(compareLedger([run], [row("a"), row("a")]).problems.join(), /attempt a has 2 ledger rows/);
  const paid = row("c", { cacheHit: true });
  assert.match(compareLedger([run], [row("a"), row("b"), paid]).problems.join(), /cache hit and costs 7/);
});

test("a cache hit has no model call, and what it saved is summed", () => {
  const hit = AgentRun.fromPartial({
    id: "r2",
    state: AgentRun_State.SUCCEEDED,
    usage: { modelCalls: 0 },
    cache: "l1",
  });
  const saved = row("h", { charge: undefined, cacheHit: true, costNanoUsd: 0n });
  const check = compareLedger([hit], [LedgerRow.fromPartial({ ...saved, charge: { runId: "r2" }, savedNanoUsd: 9n })]);
  assert.deepEqual(check.problems, []);
  assert.equal(check.cacheHits, 1);
  assert.equal(check.savedNanoUsd, 9n);
});

test("rows of runs that did not succeed are nobody's", () => {
  const failed = AgentRun.fromPartial({ id: "r1", state: AgentRun_State.FAILED, usage: { modelCalls: 5 } });
  assert.deepEqual(compareLedger([failed], [row("a")]).problems, []);
});
