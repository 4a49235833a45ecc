import assert from "node:assert/strict";
import { test } from "node:test";
import { batchesOf, levelsOf, loadOf, sumOf } from "./load.ts";

test("a reduce by a hundred has as many levels and batches as its tree", () => {
  const shapes = [1, 100, 101, 1_000, 10_000, 10_001, 100_000].map((items) => [
    items,
    levelsOf(items),
    batchesOf(items),
  ]);
  assert.deepEqual(shapes, [
    [1, 1, 1],
    [100, 1, 1],
    [101, 2, 3],
    [1_000, 2, 11],
    [10_000, 2, 101],
    [10_001, 3, 104],
    [100_000, 3, 1_011],
  ]);
});

test("small maps are repeated, large ones are not", () => {
  assert.deepEqual([loadOf(1_000).maps, loadOf(3_001).maps, loadOf(100_000).maps], [3, 1, 1]);
  assert.equal(sumOf(1_000), 499_500);
});
