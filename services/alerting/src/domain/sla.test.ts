import assert from "node:assert/strict";
import { test } from "node:test";
import { boundsMs, type Measurement, slotOf } from "./measurement.ts";
import { compileTarget, type Slot, slaFigures } from "./sla.ts";

const now = new Date("2026-11-20T12:00:00Z");

function slot(stepsAgo: number, stepS: number, measured: Partial<Measurement>): Slot {
  const at = new Date(now.getTime() - stepsAgo * stepS * 1000);
  return { at, measured: { count: 0, sum: 0, bad: 0, peak: 0, histogram: [], ...measured } };
}

function runs(count: number, bad: number): Partial<Measurement> {
  return { count, bad };
}

function timed(durationMs: number, count = 1): Partial<Measurement> {
  const histogram = Array.from({ length: boundsMs.length + 1 }, (_, each) => (each === slotOf(durationMs) ? count : 0));
  return { count, peak: durationMs, histogram };
}

const day = { metric: "workflow_success_rate", op: "atLeast", target: 0.999, windowS: 86_400, graceS: 300 };

test("nothing happened: the target holds and the budget is whole", () => {
  assert.deepEqual(slaFigures(compileTarget("acme", "s", day), [], 300, now), {
    value: 0,
    compliance: 1,
    budgetLeft: 1,
    burnRate: 0,
    samples: 0,
    violated: false,
  });
});

test("a stretch within the grace is forgiven in compliance, and its failures still cost budget", () => {
  const target = compileTarget("acme", "s", day);
  const one = slaFigures(target, [slot(10, 300, runs(1000, 1)), slot(9, 300, runs(1000, 2))], 300, now);
  assert.deepEqual([one.compliance, one.violated], [1, false]);
  assert.ok(Math.abs(one.budgetLeft - -0.5) < 1e-9, String(one.budgetLeft));
  const two = slaFigures(target, [slot(10, 300, runs(1000, 3)), slot(9, 300, runs(1000, 2))], 300, now);
  assert.deepEqual([two.compliance, two.violated], [1 - 600 / 86_400, true]);
  const apart = slaFigures(target, [slot(10, 300, runs(1000, 3)), slot(8, 300, runs(1000, 2))], 300, now);
  assert.equal(apart.compliance, 1, "two short ones with a pause between are two stretches");
});

test("latency: the budget is the share that may be slower; the burn rate looks at the last twelfth", () => {
  const spec = { metric: "workflow_latency_p95_ms", op: "atMost", target: 500, windowS: 3600 };
  const target = compileTarget("acme", "s", spec);
  const slots = [slot(300, 10, timed(100, 99)), slot(3, 10, timed(900, 1))];
  const figures = slaFigures(target, slots, 10, now);
  assert.ok(Math.abs(figures.budgetLeft - 0.8) < 1e-9, "1 of 100 slow, 5 allowed");
  assert.ok(Math.abs(figures.burnRate - 20) < 1e-9, "all of the last five minutes were slow");
  assert.deepEqual([figures.violated, figures.samples], [false, 100]);
  assert.equal(figures.compliance, 1 - 10 / 3600);
});

test("targets that cannot be kept or make no sense are refused, and it is said why", () => {
  const wrong = (change: object) => () => compileTarget("acme", "s", { ...day, ...change });
  assert.throws(wrong({ target: 1 }), /no error budget/);
  assert.throws(wrong({ op: "below" }), /expected atLeast or above/);
  assert.throws(wrong({ metric: "dlp_findings" }), /Invalid option/);
  assert.throws(wrong({ where: { agent: "x" } }), /workflow_success_rate has the labels workflow/);
});
