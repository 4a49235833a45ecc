import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createInstance, type Instance } from "../src/balance/instance.ts";
import { balancerOf, callFor, instancesOf, seeded, simulate } from "./balance-fixture.ts";

const KEYS = 4000;
const settings = { policy: "consistent_hash" } as const;

function ownersOf(instances: readonly Instance[], seed: number): Instance[] {
  const balancer = balancerOf(settings, instances);
  return Array.from({ length: KEYS }, (_, i) => balancer.pick(callFor(`tenant-${seed}-${i}`), 0));
}

function pods(count: number, seed: number): Instance[] {
  const random = seeded(seed);
  const octet = () => Math.floor(random() * 256);
  return Array.from({ length: count }, (_, i) => createInstance(`10.${octet()}.${octet()}.${i}:7000`));
}

test("a key goes to the same instance in every client, whatever the order of the instances", () => {
  const instances = pods(7, 1);
  assert.deepEqual(ownersOf(instances, 1), ownersOf(instances.toReversed(), 1));
});

test("keys spread evenly, or by weight", () => {
  for (const weights of [
    [1, 1, 1, 1, 1],
    [4, 1, 2, 1, 2],
  ]) {
    const instances = instancesOf(weights);
    const owners = ownersOf(instances, 2);
    const sum = weights.reduce((a, b) => a + b);
    for (const instance of instances) {
      const expected = (KEYS * instance.weight) / sum;
      const owned = owners.filter((owner) => owner === instance).length;
      assert.ok(Math.abs(owned - expected) < 5 * Math.sqrt(expected), `${owned} of ${expected}`);
    }
  }
});

test("an instance that joins or leaves moves only its own keys: 1/n and a little", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 30 }), fc.nat(), fc.nat(), (count, seed, which) => {
      const all = pods(count, seed);
      const gone = all[which % count];
      const rest = all.filter((instance) => instance !== gone);
      const before = ownersOf(all, seed);
      const after = ownersOf(rest, seed);
      const moved = before.filter((owner, i) => owner !== after[i]);
      // Only keys of the one that left (or, read backwards, that joined).
      assert.ok(moved.every((owner) => owner === gone));
      const share = 1 / count;
      const epsilon = 5 * Math.sqrt((share * (1 - share)) / KEYS);
      assert.ok(moved.length / KEYS <= share + epsilon, `${moved.length / KEYS} of ${share}`);
    }),
    { numRuns: 60 },
  );
});

test("no instance is ever above its bound, however hot a key is", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.double({ min: 1, max: 2, noNaN: true }),
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 50, maxLength: 300 }),
      fc.nat(),
      (count, loadFactor, keys, seed) => {
        const instances = pods(count, seed);
        const balancer = balancerOf({ ...settings, loadFactor }, instances);
        for (const [i, key] of keys.entries()) {
          const instance = balancer.pick(callFor(`hot-${key}`), 0);
          instance.inFlight++;
          const mean = (i + 1) / count;
          const bound = Math.ceil(loadFactor * mean);
          assert.ok(instance.inFlight <= bound, `${instance.inFlight} calls, ${bound} allowed`);
        }
      },
    ),
  );
});

test("a hot key keeps to one instance while that has room, and takes few more when it has not", () => {
  const instances = pods(10, 4);
  const load = { calls: 5000, everyMs: 10, key: () => "acme" };
  const quiet = simulate(balancerOf(settings, instances), instances, Array(10).fill({ serviceMs: 1 }), load);
  assert.ok(
    quiet.some(({ picks }) => picks > 4400),
    `${quiet.map(({ picks }) => picks)}`,
  );
  for (const instance of instances) instance.inFlight = 0;
  const busy = simulate(balancerOf(settings, instances), instances, Array(10).fill({ serviceMs: 50 }), {
    ...load,
    everyMs: 1,
  });
  for (const { picks, mostInFlight } of busy) assert.ok(mostInFlight <= 12 && picks < 1000, `${picks} ${mostInFlight}`);
});

test("calls without a key go round by weight", () => {
  const instances = instancesOf([1, 3]);
  const balancer = balancerOf(settings, instances);
  const picked = Array.from({ length: 8 }, () => balancer.pick(callFor(), 0));
  assert.equal(picked.filter((each) => each === instances[1]).length, 6);
});
