import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decide, type Situation } from "./decide.ts";
import { type SignalName, type Signals, signalNames } from "./score.ts";
import { type ScalingPolicy, scalingPolicy } from "./settings.ts";

const policy = scalingPolicy.parse({});
const nowMs = 1_000_000_000;
const calm: Signals = { cpuPercent: 50, memoryPercent: 80, queue: 5, latencyMs: 500 };
const idle: Signals = { cpuPercent: 10, memoryPercent: 30, queue: 0, latencyMs: 10 };

function situation(signals: Signals, more: Partial<Situation> = {}): Situation {
  return {
    signals,
    peaks: signals,
    expected: ["cpuPercent", "queue"],
    replicas: 4,
    changedAtMs: undefined,
    nowMs,
    ...more,
  };
}

test("the figures in use are the documented ones", () => {
  assert.deepEqual(policy, {
    minReplicas: 2,
    maxReplicas: 20,
    cooldownS: 300,
    up: { busyPercent: 85, queue: 10, replicas: 2 },
    down: { busyPercent: 30, queue: 2, replicas: 1, afterS: 300 },
    score: {
      upOver: 2,
      downUnder: -5,
      cpu: { target: 70, weight: 3 },
      memory: { target: 80, weight: 2 },
      queue: { over: 100, overWeight: 2, under: 10, underWeight: 1 },
      latency: { overMs: 1000, overWeight: 1, underMs: 200, underWeight: 0.5 },
      connections: { over: 1000, overWeight: 1 },
      errors: { overPercent: 5, overWeight: 1 },
    },
  });
});

const cases: readonly [string, Situation, number, string | undefined, RegExp][] = [
  ["nothing asks for a change", situation(calm), 4, undefined, /busy 50 % against 70 %: −1\.5/],
  ["busy over 85 %", situation({ ...calm, cpuPercent: 86 }), 6, undefined, /up: busy 86 % is over 85 %/],
  ["busy at 85 %", situation({ ...calm, cpuPercent: 85 }), 4, undefined, /busy/],
  ["places count as busy", situation({ ...calm, placesPercent: 90 }), 6, undefined, /up: busy 90 %/],
  ["queue over 10", situation({ ...calm, queue: 11 }), 6, undefined, /up: queue 11 is over 10/],
  ["queue at 10", situation({ ...calm, queue: 10 }), 4, undefined, /busy/],
  ["idle", situation({ ...calm, cpuPercent: 29, queue: 1 }), 3, undefined, /down: busy 29 % and queue 1 are under/],
  ["idle, but a queue", situation({ ...calm, cpuPercent: 29, queue: 2 }), 4, undefined, /queue 2 under 10: −1/],
  [
    "score alone, up",
    situation({ cpuPercent: 80, memoryPercent: 100, queue: 10, latencyMs: 1001 }),
    6,
    undefined,
    /up: score 4 is over 2/,
  ],
  [
    "score alone, down",
    situation({ cpuPercent: 30, memoryPercent: 30, queue: 2, latencyMs: 199 }),
    3,
    undefined,
    /down: score -6\.5 is under -5/,
  ],
  ["cooldown", situation({ ...calm, queue: 500 }, { changedAtMs: nowMs - 299_000 }), 4, "cooldown", /for 1 s more/],
  ["cooldown over", situation({ ...calm, queue: 500 }, { changedAtMs: nowMs - 300_000 }), 6, undefined, /queue 500/],
  ["a change ahead of the clock", situation(idle, { changedAtMs: nowMs + 5000 }), 4, "cooldown", /300 s more/],
  ["the most", situation({ ...calm, queue: 500 }, { replicas: 20 }), 20, "max", /20 is the most/],
  ["near the most", situation({ ...calm, queue: 500 }, { replicas: 19 }), 20, undefined, /queue/],
  ["the least", situation(idle, { replicas: 2 }), 2, "min", /2 is the least/],
  ["under the least", situation({}, { replicas: 1, changedAtMs: nowMs }), 2, undefined, /outside of 2 to 20/],
  ["over the most", situation({}, { replicas: 30 }), 20, undefined, /outside of 2 to 20/],
  ["switched off", situation({ ...calm, queue: 500 }, { replicas: 0 }), 0, "scaled-to-zero", /switched it off/],
  ["a figure is missing", situation({ cpuPercent: 99 }), 4, "missing-data", /no figure for queue/],
  ["a figure is no number", situation({ cpuPercent: Number.NaN, queue: 0 }), 4, "missing-data", /cpuPercent/],
  ["replicas are not known", situation(calm, { replicas: undefined }), 0, "missing-data", /not known/],
  ["errors keep what is there", situation({ ...idle, errorPercent: 6 }), 4, "errors", /over 5 % errors/],
  ["a quiet moment", situation(idle, { peaks: calm }), 4, "recent-load", /higher within the last 300 s/],
  ["a short watch", situation(idle, { peaks: undefined }), 4, "recent-load", /not been watched for 300 s yet/],
  ["up needs no watch", situation({ ...calm, queue: 11 }, { peaks: undefined }), 6, undefined, /queue 11/],
  ["errors alone add nothing", situation({ ...calm, errorPercent: 100 }), 4, undefined, /errors % 100 over 5: \+1/],
];

for (const [name, given, target, heldBy, reason] of cases) {
  test(`${name}: ${given.replicas} → ${target}`, () => {
    const decision = decide(given, policy);
    assert.deepEqual([decision.target, decision.heldBy], [target, heldBy]);
    assert.match(decision.reasons.join("; "), reason);
    assert.equal(decision.direction === "hold", target === (given.replicas ?? 0));
  });
}

test("figures that would scale up and down for ever are refused", () => {
  assert.throws(() => scalingPolicy.parse({ minReplicas: 9, maxReplicas: 3 }), /minReplicas/);
  assert.throws(() => scalingPolicy.parse({ down: { busyPercent: 90 } }), /thresholds of down/);
  assert.throws(() => scalingPolicy.parse({ down: { queue: 11 } }), /thresholds of down/);
});

const signal: Record<SignalName, fc.Arbitrary<number>> = {
  cpuPercent: fc.double({ min: 0, max: 200, noNaN: true }),
  memoryPercent: fc.double({ min: 0, max: 200, noNaN: true }),
  placesPercent: fc.double({ min: 0, max: 120, noNaN: true }),
  queue: fc.integer({ min: 0, max: 300 }),
  latencyMs: fc.double({ min: 0, max: 3000, noNaN: true }),
  connections: fc.integer({ min: 0, max: 3000 }),
  errorPercent: fc.double({ min: 0, max: 20, noNaN: true }),
};
const anySignals = fc.record(signal, { requiredKeys: [] });
const anyPolicy: fc.Arbitrary<ScalingPolicy> = fc
  .record({
    minReplicas: fc.integer({ min: 1, max: 10 }),
    span: fc.integer({ min: 0, max: 20 }),
    cooldownS: fc.integer({ min: 0, max: 600 }),
    up: fc.integer({ min: 1, max: 7 }),
    down: fc.integer({ min: 1, max: 7 }),
  })
  .map(({ minReplicas, span, cooldownS, up, down }) =>
    scalingPolicy.parse({
      minReplicas,
      maxReplicas: minReplicas + span,
      cooldownS,
      up: { replicas: up },
      down: { replicas: down },
    }),
  );
const anyReplicas = fc.integer({ min: 1, max: 40 });
const anyAgoS = fc.option(fc.integer({ min: -10, max: 700 }), { nil: undefined });
const anyExpected = fc.subarray([...signalNames]);

test("the bounds hold, whatever the load, and one step is the most that changes inside of them", () => {
  fc.assert(
    fc.property(
      anySignals,
      anyExpected,
      anyReplicas,
      anyAgoS,
      anyPolicy,
      (signals, expected, replicas, agoS, given) => {
        const changedAtMs = agoS === undefined ? undefined : nowMs - agoS * 1000;
        const { target } = decide({ signals, peaks: signals, expected, replicas, changedAtMs, nowMs }, given);
        const { minReplicas, maxReplicas } = given;
        assert.ok(target >= minReplicas && target <= maxReplicas);
        if (replicas < minReplicas || replicas > maxReplicas) return;
        assert.ok(target - replicas <= given.up.replicas && replicas - target <= given.down.replicas);
      },
    ),
    { numRuns: 2000 },
  );
});

test("inside its bounds nothing changes in the cooldown, nor without a signal that is expected", () => {
  fc.assert(
    fc.property(anySignals, anyExpected, anyReplicas, fc.integer({ min: -10, max: 700 }), anyPolicy, (...given) => {
      const [signals, expected, anyCount, agoS, figures] = given;
      const replicas = Math.min(figures.maxReplicas, Math.max(figures.minReplicas, anyCount));
      const decision = decide(
        { signals, peaks: signals, expected, replicas, changedAtMs: nowMs - agoS * 1000, nowMs },
        figures,
      );
      const isCooling = Math.max(0, agoS) < figures.cooldownS;
      const isBlind = expected.some((name) => signals[name] === undefined);
      if (isCooling || isBlind) assert.equal(decision.target, replicas);
    }),
    { numRuns: 2000 },
  );
});

test("more load never gives fewer replicas", () => {
  const more = fc.record(
    Object.fromEntries(signalNames.map((name) => [name, fc.double({ min: 0, max: 100, noNaN: true })])),
  );
  fc.assert(
    fc.property(anySignals, more, anyReplicas, anyAgoS, (signals, added, replicas, agoS) => {
      const changedAtMs = agoS === undefined ? undefined : nowMs - agoS * 1000;
      const heavier = Object.fromEntries(
        Object.entries(signals).map(([name, value]) => [name, value + (added[name] ?? 0)]),
      );
      const common = { expected: [], replicas, changedAtMs, nowMs };
      const light = decide({ ...common, signals, peaks: signals }, policy);
      const heavy = decide({ ...common, signals: heavier, peaks: heavier }, policy);
      assert.ok(heavy.target >= light.target, `${light.target} became ${heavy.target}`);
      assert.ok(heavy.score >= light.score);
    }),
    { numRuns: 5000 },
  );
});
