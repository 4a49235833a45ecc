import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecentLoad } from "./recent-load.ts";

test("the peaks of the window, once it was watched for as long", () => {
  const recent = createRecentLoad(300_000);
  assert.equal(recent.add({ queue: 9, cpuPercent: 10 }, 0), undefined);
  assert.equal(recent.add({ queue: 1, cpuPercent: 40 }, 150_000), undefined);
  assert.deepEqual(recent.add({ queue: 2, latencyMs: 5 }, 300_000), { queue: 2, cpuPercent: 40, latencyMs: 5 });
  assert.deepEqual(recent.add({ queue: 3 }, 460_000), { queue: 3, latencyMs: 5 });
});

test("after a look that failed the watch begins anew", () => {
  const recent = createRecentLoad(1000);
  recent.add({ queue: 0 }, 0);
  recent.forget();
  assert.equal(recent.add({ queue: 0 }, 5000), undefined);
  assert.deepEqual(recent.add({ queue: 1 }, 6000), { queue: 1 });
});

test("without a window every look stands alone", () => {
  assert.deepEqual(createRecentLoad(0).add({ queue: 4 }, 7), { queue: 4 });
});
