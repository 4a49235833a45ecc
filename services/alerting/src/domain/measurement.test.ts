import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { labelsKey } from "./labels.ts";
import { add, boundsMs, type Measurement, nothing, quantile, shareAbove, slotOf } from "./measurement.ts";
import { addUp, type Sample } from "./samples.ts";
import { tiers } from "./tiers.ts";

const durations = fc.array(fc.integer({ min: 0, max: 300_000 }), { minLength: 1, maxLength: 200 });

function measure(values: readonly number[]): Measurement {
  const histogram = Array.from({ length: boundsMs.length + 1 }, () => 0);
  for (const value of values) histogram[slotOf(value)] = (histogram[slotOf(value)] ?? 0) + 1;
  return { count: values.length, sum: 0, bad: 0, peak: Math.max(...values), histogram };
}

test("a quantile lies in the slot of the true one, never above the peak, and grows with q", () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99), (values, q) => {
      const measured = measure(values);
      const sorted = [...values].sort((a, b) => a - b);
      const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
      const estimate = quantile(measured, q);
      const lower = boundsMs[slotOf(exact) - 1] ?? 0;
      assert.ok(estimate >= Math.min(lower, exact) && estimate <= measured.peak, `${estimate} for ${exact}`);
      assert.ok(estimate <= (boundsMs[slotOf(exact)] ?? measured.peak));
      assert.ok(quantile(measured, q / 2) <= estimate);
    }),
  );
});

test("the share above a bound is exact, and 0 at the peak", () => {
  fc.assert(
    fc.property(durations, fc.constantFrom(...boundsMs), (values, bound) => {
      const measured = measure(values);
      const exact = values.filter((value) => value > bound).length / values.length;
      assert.ok(Math.abs(shareAbove(measured, bound) - exact) < 1e-9);
      assert.equal(shareAbove(measured, measured.peak), 0);
    }),
  );
});

test("adding up does not depend on the order or on how samples were batched, and rows come in the order of their key", () => {
  const now = new Date("2026-11-20T12:00:00Z");
  const sample = fc.record({
    tenant: fc.constantFrom("acme", "burst"),
    series: fc.constant("agent_run" as const),
    labels: fc.record({ agent: fc.constantFrom("a", "b") }),
    at: fc.integer({ min: -100_000, max: 1000 }).map((ms) => new Date(now.getTime() + ms)),
    value: fc.integer({ min: 0, max: 200_000 }),
    bad: fc.boolean(),
    timed: fc.constant(true),
  });
  fc.assert(
    fc.property(fc.array(sample, { maxLength: 60 }), fc.nat(60), (samples, cut) => {
      const whole = totals(samples, now);
      const parts = [samples.slice(cut), samples.slice(0, cut)].map((part) => totals(part, now));
      const joined = new Map<string, Measurement>();
      for (const part of parts) {
        for (const [key, measured] of part) joined.set(key, add(joined.get(key) ?? nothing, measured));
      }
      assert.deepEqual(new Map([...joined].sort()), new Map([...whole].sort()));
      assert.equal(
        addUp(samples, now).reduce((sum, row) => sum + row.count, 0),
        samples.length * tiers.length,
      );
      assert.ok(addUp(samples, now).every((row) => row.bucket <= now));
    }),
  );
});

function totals(samples: readonly Sample[], now: Date): Map<string, Measurement> {
  return new Map(
    addUp(samples, now).map(({ count, sum, bad, peak, histogram, ...row }) => [
      `${row.tenant}/${row.stepS}/${row.bucket.toISOString()}/${labelsKey(row.labels)}`,
      { count, sum, bad, peak, histogram },
    ]),
  );
}
