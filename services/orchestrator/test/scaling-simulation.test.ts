import assert from "node:assert/strict";
import { test } from "node:test";
import { scalingPolicy } from "../src/scaling/settings.ts";
import { dailyTrace, type ModelOptions, type Outcome, simulate, turnsInWorstHour } from "./scaling-model.fixture.ts";

// Two days from 2 to 80 steps a second, where one runner does 10, with bursts of 3, 2 and 5 times the load of the hour.
const HOUR_S = 3600;
const bursts = [
  { atHour: 4, minutes: 10, times: 3 },
  { atHour: 9, minutes: 20, times: 2 },
  { atHour: 21, minutes: 5, times: 5 },
];
const days = { days: 2, trough: 2, peak: 80, seed: 42 };
const trace = dailyTrace({ ...days, bursts });
const policy = scalingPolicy.parse({});
const model: ModelOptions = { trace, policy, places: 20, stepS: 2, podStartS: 45, roundS: 15 };

function highest(figures: readonly number[]): number {
  return figures.reduce((most, figure) => Math.max(most, figure), 0);
}

/** The longest time in seconds that more waited than the threshold of up. */
function longestQueueS(outcome: Outcome): number {
  let longest = 0;
  let since = 0;
  for (const queue of outcome.queue) {
    since = queue > policy.up.queue ? since + 1 : 0;
    longest = Math.max(longest, since);
  }
  return longest;
}

test("two days with bursts: it turns round at most twice an hour, the backlog is bounded, nights are at the least", (t) => {
  const outcome = simulate(model);
  const backlog = highest(outcome.queue);
  const figures = {
    changes: outcome.changes.length,
    turnsInWorstHour: turnsInWorstHour(outcome.changes),
    mostReplicas: highest(outcome.replicas),
    backlog: Math.round(backlog),
    longestQueueS: longestQueueS(outcome),
  };
  t.diagnostic(JSON.stringify(figures));
  assert.ok(figures.turnsInWorstHour <= 2);
  assert.ok(figures.mostReplicas > 10 && figures.mostReplicas <= policy.maxReplicas);
  // A burst grows the queue until two cooldowns brought four runners; it is gone within a quarter of an hour.
  assert.ok(backlog < 4000);
  assert.ok(figures.longestQueueS <= 900);
  assert.equal(outcome.replicas.at(-1), policy.minReplicas);
  assert.equal(outcome.replicas[26 * HOUR_S], policy.minReplicas, "the night between");
});

test("days without bursts keep hardly any queue", () => {
  const outcome = simulate({ ...model, trace: dailyTrace({ ...days, bursts: [] }) });
  assert.ok(highest(outcome.queue) < 100, `${highest(outcome.queue)}`);
  assert.ok(turnsInWorstHour(outcome.changes) <= 1);
});

test("pods that take three minutes to start are not ordered again and again", () => {
  const outcome = simulate({ ...model, podStartS: 180 });
  assert.ok(turnsInWorstHour(outcome.changes) <= 2);
  assert.ok(highest(outcome.replicas) <= policy.maxReplicas);
  assert.equal(outcome.replicas.at(-1), policy.minReplicas);
});

test("changes keep the cooldown apart, and only one step is made at a time", () => {
  const { changes } = simulate(model);
  for (const [index, { atS, from, decision }] of changes.entries()) {
    const before = changes[index - 1];
    if (before) assert.ok(atS - before.atS >= policy.cooldownS);
    assert.ok(decision.target === from + policy.up.replicas || decision.target === from - policy.down.replicas);
  }
});

test("an hour without figures changes nothing, and is made good afterwards", () => {
  const blind = { fromS: 9 * HOUR_S, toS: 10 * HOUR_S };
  const outcome = simulate({ ...model, blind });
  assert.deepEqual(
    outcome.changes.filter(({ atS }) => atS >= blind.fromS && atS < blind.toS),
    [],
  );
  assert.equal(outcome.queue[13 * HOUR_S], 0);
  assert.ok(turnsInWorstHour(outcome.changes) <= 2);
});

test("control: without cooldown, gap and peaks the same days flap, which this model shows", () => {
  const nervous = scalingPolicy.parse({ cooldownS: 0, down: { busyPercent: 80, queue: 10, afterS: 0 } });
  assert.ok(turnsInWorstHour(simulate({ ...model, policy: nervous }).changes) > 20);
  const withoutPeaks = scalingPolicy.parse({ down: { afterS: 0 } });
  assert.ok(turnsInWorstHour(simulate({ ...model, policy: withoutPeaks }).changes) > 4);
});
