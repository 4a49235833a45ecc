import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createBalancer } from "../src/balance/balancer.ts";
import type { Instance } from "../src/balance/instance.ts";
import { isEjected } from "../src/balance/outliers.ts";
import type { OutlierSettings } from "../src/index.ts";
import { callFor, instancesOf, seeded } from "./balance-fixture.ts";

/** A target of `count` instances under round_robin, with what was ejected and why. */
function targetOf(count: number, outliers: OutlierSettings = {}) {
  const instances = instancesOf(Array(count).fill(1));
  const ejections: string[] = [];
  const balancer = createBalancer({
    settings: { policy: "round_robin", outliers },
    random: seeded(1),
    onEjected: ({ address }, cause) => ejections.push(`${address} ${cause}`),
  });
  balancer.setInstances(instances, instances, 0);
  const end = (instance: Instance | undefined, outcome: "ok" | "failed" | "cancelled", nowMs: number) =>
    instance && balancer.ended(instance, callFor(), outcome, 1, nowMs);
  const picked = (nowMs: number) =>
    new Set(Array.from({ length: count * 2 }, () => balancer.pick(callFor(), nowMs).address[0]));
  return { instances, balancer, ejections, end, picked };
}

test("failures in a row eject, for a time that doubles; what was healthy long enough is forgiven", () => {
  const { instances, ejections, end, picked } = targetOf(3, { ejectMs: 1000, maxEjectMs: 3000 });
  const [bad] = instances;
  const fail = (nowMs: number) => Array.from({ length: 5 }, () => end(bad, "failed", nowMs));
  const isOutAt = (nowMs: number) => !picked(nowMs).has("a");
  for (let i = 0; i < 4; i++) end(bad, "failed", 0);
  end(bad, "ok", 0);
  for (let i = 0; i < 4; i++) end(bad, "failed", 0);
  end(bad, "cancelled", 0);
  assert.ok(!isOutAt(0), "four in a row are not five, and a cancelled call is none");
  end(bad, "failed", 0);
  assert.deepEqual(ejections, ["a:1 consecutive_errors"]);
  assert.ok(isOutAt(0) && isOutAt(999) && !isOutAt(1000));
  fail(1000);
  assert.ok(isOutAt(2999) && !isOutAt(3000));
  fail(3000);
  assert.ok(isOutAt(5999) && !isOutAt(6000), "never longer than maxEjectMs");
  for (const nowMs of [9000, 12_000, 15_000]) end(bad, "ok", nowMs);
  fail(16_000);
  assert.ok(isOutAt(16_999) && !isOutAt(17_000), "all three were forgiven");
});

test("a rate of failures ejects, once there are enough calls to speak of one", () => {
  const { instances, ejections, end } = targetOf(4, { consecutiveErrors: 0 });
  const [bad, good] = instances;
  for (let i = 0; i < 19; i++) end(bad, i % 4 === 0 ? "ok" : "failed", i);
  assert.deepEqual(ejections, []);
  end(bad, "failed", 20);
  assert.deepEqual(ejections, ["a:1 error_rate"]);
  for (let i = 0; i < 200; i++) end(good, i % 3 === 0 ? "failed" : "ok", i);
  assert.equal(ejections.length, 1);
});

test("never more than the share is out, and one instance never is", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 12 }), fc.double({ min: 0, max: 1, noNaN: true }), (count, share) => {
      const { instances, end, picked } = targetOf(count, { maxEjectedShare: share });
      for (const instance of instances) for (let i = 0; i < 50; i++) end(instance, "failed", i);
      const out = instances.filter((instance) => isEjected(instance, 50)).length;
      assert.equal(out, Math.min(count - 1, Math.floor(count * share)));
      assert.ok(picked(50).size >= 1);
    }),
  );
});

test("with too few left, ejections are ignored: a bad answer is better than an overload of the last good one", () => {
  const { instances, balancer, end, picked } = targetOf(4, { panicShare: 0.5 });
  const [first, second, third] = instances;
  for (const bad of [first, second]) for (let i = 0; i < 5; i++) end(bad, "failed", 0);
  assert.deepEqual([...picked(1)].sort(), ["c", "d"]);
  balancer.setInstances(
    instances,
    instances.filter((each) => each !== third),
    1,
  );
  assert.deepEqual([...picked(1)].sort(), ["a", "b", "d"]);
  balancer.setInstances(instances, instances, 1);
  assert.deepEqual([...picked(1)].sort(), ["c", "d"]);
});

test("an instance that is out and gone is no reason to pick it", () => {
  const { instances, balancer, end, picked } = targetOf(2);
  const [first, second] = instances;
  for (let i = 0; i < 5; i++) end(first, "failed", 0);
  balancer.setInstances(
    instances,
    instances.filter((each) => each !== second),
    1,
  );
  assert.deepEqual([...picked(1)], ["a"], "the only one that is connected, ejected or not");
});
