import assert from "node:assert/strict";
import { test } from "node:test";
import { createLeases } from "./leases.ts";

const ref = (node: string, epoch = 1) => ({ runId: "r", node, shard: 0, epoch });

test("a step is taken once; another epoch of it is another lease", () => {
  const leases = createLeases(() => undefined);
  const lease = leases.take(ref("a"), 30_000, 0);
  assert.ok(lease);
  assert.equal(leases.take(ref("a"), 30_000, 0), undefined);
  assert.ok(leases.take(ref("a", 2), 30_000, 0));
  leases.release(lease);
  assert.equal(leases.size, 1);
});

test("a lease that is not renewed is fenced before it ends; one that is renewed goes on", () => {
  const leases = createLeases(() => undefined);
  const kept = leases.take(ref("kept"), 30_000, 0);
  const lost = leases.take(ref("lost"), 30_000, 0);
  assert.equal(leases.isDue(10_000, 9_000), false);
  assert.equal(leases.isDue(10_000, 10_000), true);
  leases.renew([], [ref("kept")], 10_000);
  leases.fence(25_000);
  assert.deepEqual([kept?.isHeld, lost?.isHeld], [true, false]);
  assert.equal(lost?.signal.aborted, true);
  assert.deepEqual(
    leases.refs().map(({ node }) => node),
    ["kept"],
    "what is lost is not renewed",
  );
});

test("a short lease is renewed earlier than the heartbeat says", () => {
  const leases = createLeases(() => undefined);
  leases.take(ref("a"), 3_000, 0);
  assert.equal(leases.isDue(10_000, 1_000), true);
});

test("what the orchestrator says to stop is stopped and not reported; what is handed back is", () => {
  const leases = createLeases(() => undefined);
  const stopped = leases.take(ref("stopped"), 30_000, 0);
  const drained = leases.take(ref("drained"), 30_000, 0);
  leases.renew([ref("stopped")], [ref("stopped"), ref("drained")], 1);
  assert.equal(stopped?.isHeld, false);
  assert.equal(stopped?.signal.reason.code, "CANCELLED");
  leases.handBack();
  assert.equal(drained?.isHeld, true);
  assert.equal(drained?.signal.reason.reason, "WORKER_DRAINING");
});

test("nothing may act any more past the lease or the step's time, also before a timer has noticed", () => {
  const leases = createLeases(() => undefined);
  const frozen = leases.take(ref("frozen"), 30_000, 0);
  frozen?.assertMayAct(24_000);
  assert.throws(() => frozen?.assertMayAct(24_001), { code: "UNAVAILABLE", message: /could not be renewed/ });
  assert.equal(frozen?.isHeld, false);
  const late = leases.take(ref("late"), 30_000, 0, 5_000);
  late?.assertMayAct(5_000);
  assert.throws(() => late?.assertMayAct(5_001), { code: "DEADLINE_EXCEEDED" });
  const stopped = leases.take(ref("stopped"), 30_000, 0);
  leases.renew([ref("stopped")], [ref("stopped")], 1);
  assert.throws(() => stopped?.assertMayAct(2), { code: "CANCELLED" });
});

test("a stop lets the effects of an agent that have left come to their end, no other leave, and then ends the agent", () => {
  const leases = createLeases(() => undefined);
  const agent = leases.take(ref("agent"), 30_000, 0);
  const [first, second, third] = [agent?.act(), agent?.act(), agent?.act()];
  first?.assertMayAct(1);
  second?.assertMayAct(1);
  second?.assertMayAct(2);
  leases.renew([ref("agent")], [ref("agent")], 3);
  assert.deepEqual([agent?.isHeld, agent?.isStopped, agent?.signal.aborted], [true, true, false]);
  assert.throws(() => third?.assertMayAct(4), { code: "CANCELLED" });
  first?.[Symbol.dispose]();
  third?.[Symbol.dispose]();
  assert.equal(agent?.signal.aborted, false);
  second?.[Symbol.dispose]();
  assert.deepEqual([agent?.isHeld, agent?.signal.reason.code], [false, "CANCELLED"]);
  const idle = leases.take(ref("idle"), 30_000, 0);
  const over = idle?.act();
  over?.assertMayAct(5);
  over?.[Symbol.dispose]();
  leases.renew([ref("idle")], [ref("idle")], 6);
  assert.equal(idle?.signal.aborted, true, "between its effects it stops at once");
});

test("a stop does not give up a request that has left, lets no other leave, and waits no longer than the lease", () => {
  const leases = createLeases(() => undefined);
  const acting = leases.take(ref("acting"), 30_000, 0, 0, true);
  acting?.assertMayAct(1);
  leases.renew([ref("acting")], [ref("acting")], 2);
  assert.deepEqual([acting?.isHeld, acting?.isStopped, acting?.signal.aborted], [true, true, false]);
  assert.throws(() => acting?.assertMayAct(3), { code: "CANCELLED" });
  leases.fence(24_001);
  assert.deepEqual([acting?.isHeld, acting?.signal.aborted], [false, true]);
});
