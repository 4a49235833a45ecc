import assert from "node:assert/strict";
import { test } from "node:test";
import { startWorld, type World } from "../advance.fixture.ts";

const spec = (more: object = {}) => ({
  deadlineMs: 7 * 24 * 3600 * 1000,
  steps: [
    { id: "ok", kind: "approval", title: "Refund?", input: { amount: "$.input.amount" }, ...more },
    { id: "pay", kind: "tool", tool: "pay", dependsOn: ["ok"] },
  ],
});

function decide(world: World, more: object = {}) {
  const { argsHash = "" } = world.step("ok").detail;
  const decision = {
    kind: "decide",
    node: "ok",
    shard: 0,
    approve: true,
    by: "user:bob",
    roles: [],
    comment: "",
    argsHash,
  } as const;
  const { answers, refusals, approvals } = world.act({ ...decision, ...more });
  return { taken: answers[0], reason: refusals.get(0)?.reason, state: approvals.at(-1)?.state };
}

test("an approval is asked with the hash of what is asked, and decided once", () => {
  const world = startWorld(spec(), { amount: 5 });
  const [asked] = world.log[0]?.approvals ?? [];
  assert.equal(asked?.input, '{"amount":5}');
  assert.match(asked?.argsHash ?? "", /^[0-9a-f]{64}$/);
  assert.notEqual(asked?.argsHash, startWorld(spec(), { amount: 6 }).log[0]?.approvals[0]?.argsHash);
  assert.equal(decide(world, { argsHash: "other" }).reason, "ARGS_CHANGED");
  assert.equal(decide(world, { shard: 1 }).reason, "APPROVAL_NOT_FOUND");
  assert.deepEqual(decide(world), { taken: true, reason: undefined, state: "approved" });
  assert.equal(decide(world, { approve: false }).reason, "ALREADY_DECIDED");
  assert.equal(world.state("pay"), "dispatched");
});

test("a rejection fails the step, and both of two racing decisions cannot be taken", () => {
  const world = startWorld(spec());
  const { argsHash = "" } = world.step("ok").detail;
  const decision = {
    kind: "decide",
    node: "ok",
    shard: 0,
    by: "user:bob",
    roles: [],
    comment: "too much",
    argsHash,
  } as const;
  const race = world.act({ ...decision, approve: false }, { ...decision, approve: true });
  assert.deepEqual(race.answers, [true, false]);
  assert.deepEqual([world.run.phase, world.run.failure?.code], ["failed", "APPROVAL_REJECTED"]);
  assert.match(world.run.failure?.message ?? "", /user:bob rejected it: too much/);
});

test("only approvers decide, not who started it when so asked, and others too after an escalation", () => {
  const world = startWorld(
    spec({
      approvers: { subjects: ["user:ann"], roles: ["lead"] },
      notBy: "starter",
      escalate: [{ afterMs: 60_000, subjects: ["user:boss"] }],
    }),
  );
  assert.equal(decide(world, { by: "user:ann" }).reason, "FOUR_EYES");
  assert.equal(decide(world, { by: "user:boss" }).reason, "NOT_AN_APPROVER");
  assert.equal(world.run.wakeAtMs, world.nowMs + 60_000);
  assert.deepEqual(world.wait(60_000).approvals[0]?.approvers, {
    subjects: ["user:ann", "user:boss"],
    roles: ["lead"],
  });
  assert.equal(world.wait(1000).approvals.length, 0, "once");
  assert.equal(decide(world, { by: "user:boss" }).taken, true);
  const other = startWorld(spec({ approvers: { roles: ["lead"] } }));
  assert.equal(decide(other, { roles: ["lead"] }).taken, true);
});

test("an approval that nobody decides expires, and one that is no longer needed is cancelled", () => {
  const world = startWorld(spec({ timeoutMs: 5000 }));
  assert.equal(world.wait(5000).approvals[0]?.state, "expired");
  assert.equal(world.run.failure?.code, "APPROVAL_EXPIRED");
  const lenient = startWorld(spec({ timeoutMs: 5000, onTimeout: "reject", onFailure: "continue" }));
  lenient.wait(5000);
  assert.deepEqual([lenient.step("ok").failure?.code, lenient.state("pay")], ["APPROVAL_REJECTED", "dispatched"]);
  const cancelled = startWorld(spec());
  const end = cancelled.act({ kind: "cancel", by: "user:x", reason: "" });
  assert.equal(end.approvals[0]?.state, "cancelled");
  assert.equal(decide(cancelled).reason, "ALREADY_DECIDED");
});
