import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { BalancePolicy } from "../src/index.ts";
import { balancePolicies } from "../src/index.ts";
import { balancerOf, callFor, instancesOf, picksOf, simulate } from "./balance-fixture.ts";

const never = { consecutiveErrors: 0, errorRate: 1 };

function isNear(actual: number, expected: number, share: number): void {
  assert.ok(Math.abs(actual - expected) <= expected * share, `${actual} is not ${expected} ± ${share * 100} %`);
}

function at(list: readonly number[], place: number): number {
  return list[place] ?? Number.NaN;
}

test("round_robin gives each exactly its turn, from any start", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), fc.integer(), fc.integer({ min: 1, max: 20 }), (n, seed, rounds) => {
      const instances = instancesOf(Array(n).fill(1));
      const balancer = balancerOf({ policy: "round_robin" }, instances, seed);
      const picked = Array.from({ length: n * rounds }, () => balancer.pick(callFor(), 0));
      for (const instance of instances) assert.equal(picked.filter((each) => each === instance).length, rounds);
      for (let i = n; i < picked.length; i++) assert.equal(picked[i], picked[i - n]);
    }),
  );
});

test("weighted_round_robin is exact in every span of the weights' sum, and smooth", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), (weights) => {
      const instances = instancesOf(weights);
      const balancer = balancerOf({ policy: "weighted_round_robin" }, instances);
      const sum = weights.reduce((a, b) => a + b, 0);
      const picked = Array.from({ length: sum * 2 }, () => instances.indexOf(balancer.pick(callFor(), 0)));
      for (const span of [picked.slice(0, sum), picked.slice(sum)]) {
        for (const [i, weight] of weights.entries()) assert.equal(span.filter((each) => each === i).length, weight);
      }
    }),
  );
  const instances = instancesOf([5, 1, 1]);
  const balancer = balancerOf({ policy: "weighted_round_robin" }, instances);
  const order = Array.from({ length: 7 }, () => balancer.pick(callFor(), 0).address[0]);
  assert.equal(order.join(""), "aabacaa");
});

test("least_connections levels the calls under way, by weight where there are weights", () => {
  for (const weights of [
    [1, 1, 1, 1],
    [3, 1, 2, 2],
  ]) {
    const instances = instancesOf(weights);
    const balancer = balancerOf({ policy: "least_connections" }, instances);
    for (let i = 0; i < 80; i++) balancer.pick(callFor(), 0).inFlight++;
    assert.deepEqual(
      instances.map(({ inFlight }) => inFlight),
      weights.map((weight) => (80 * weight) / weights.reduce((a, b) => a + b)),
    );
  }
});

test("equal instances get equal parts under every policy, from cold on", () => {
  for (const policy of balancePolicies) {
    const instances = instancesOf([1, 1, 1, 1]);
    const balancer = balancerOf({ policy }, instances);
    let i = 0;
    const load = { calls: 20_000, everyMs: 2, key: () => `key-${i++ % 5000}` };
    const picks = picksOf(simulate(balancer, instances, Array(4).fill({ serviceMs: 20 }), load));
    for (const each of picks) isNear(each, 5000, 0.08);
  }
});

test("a slow instance: what each policy makes of it", () => {
  function sharesOf(policy: BalancePolicy): { slow: number; mostInFlight: number } {
    const instances = instancesOf([1, 1, 1, 1]);
    const balancer = balancerOf({ policy }, instances);
    const behaviours = [{ serviceMs: 200 }, { serviceMs: 10 }, { serviceMs: 10 }, { serviceMs: 10 }];
    const [slow] = simulate(balancer, instances, behaviours, { calls: 20_000, everyMs: 1 });
    return { slow: (slow?.picks ?? 0) / 20_000, mostInFlight: slow?.mostInFlight ?? 0 };
  }
  const blind = sharesOf("round_robin");
  isNear(blind.slow, 0.25, 0.001);
  assert.ok(blind.mostInFlight > 40, `${blind.mostInFlight}`);
  for (const policy of ["least_connections", "least_response_time", "adaptive"] as const) {
    const { slow, mostInFlight } = sharesOf(policy);
    assert.ok(slow < 0.05 && mostInFlight < 15, `${policy}: ${slow} of the calls, ${mostInFlight} at a time`);
    assert.ok(slow > 0, `${policy} never finds out that the slow one recovered`);
  }
});

test("a slow instance that recovers gets its part again", () => {
  for (const policy of ["least_response_time", "adaptive"] as const) {
    const instances = instancesOf([1, 1, 1]);
    const balancer = balancerOf({ policy, decayMs: 2_000 }, instances);
    for (const instance of instances) Object.assign(instance, { latencyMs: instance === instances[0] ? 1000 : 10 });
    const before = picksOf(simulate(balancer, instances, Array(3).fill({ serviceMs: 10 }), { calls: 500, everyMs: 2 }));
    assert.ok(at(before, 0) < 20, `${policy}: ${before}`);
    const later = picksOf(
      simulate(balancer, instances, Array(3).fill({ serviceMs: 10 }), { calls: 40_000, everyMs: 2 }),
    );
    assert.ok(at(later, 0) > 9_000, `${policy}: ${later}`);
  }
});

test("a cold instance joins fairly: at once, and not with all calls", () => {
  for (const policy of ["least_response_time", "adaptive"] as const) {
    const instances = instancesOf([1, 1, 1]);
    const balancer = balancerOf({ policy }, instances);
    simulate(balancer, instances, Array(3).fill({ serviceMs: 20 }), { calls: 3_000, everyMs: 2 });
    const four = [...instances, ...instancesOf([1, 1, 1, 1]).slice(3)];
    for (const instance of instances) instance.inFlight = 0;
    balancer.setInstances(four, four, 6_000);
    const picks = picksOf(simulate(balancer, four, Array(4).fill({ serviceMs: 20 }), { calls: 400, everyMs: 2 }));
    assert.ok(at(picks, 3) > 40 && at(picks, 3) < 220, `${policy}: ${picks}`);
  }
});

test("an instance that fails at once does not draw the calls, even with no ejection", () => {
  const behaviours = [{ serviceMs: 0.5, failing: true }, { serviceMs: 20 }, { serviceMs: 20 }, { serviceMs: 20 }];
  const instances = instancesOf([1, 1, 1, 1]);
  const balancer = balancerOf({ policy: "adaptive", outliers: never }, instances);
  const picks = picksOf(simulate(balancer, instances, behaviours, { calls: 10_000, everyMs: 2 }));
  assert.ok(at(picks, 0) < 500, `${picks}`);
});

test("a further attempt goes elsewhere while there is an elsewhere, whatever the policy", () => {
  for (const policy of balancePolicies) {
    const instances = instancesOf([1, 2, 3, 4]);
    const balancer = balancerOf({ policy }, instances, 3);
    for (let i = 0; i < 200; i++) {
      const call = callFor(`key-${i}`);
      const attempts = new Set(Array.from({ length: 4 }, () => balancer.pick(call, 0)));
      assert.equal(attempts.size, 4, policy);
      assert.ok(balancer.pick(call, 0), "a fifth attempt starts over");
    }
  }
});
