import assert from "node:assert/strict";
import { test } from "node:test";
import { withCount } from "./with-count.ts";

test("a metric carries its count in short", () => {
  const names = [1_000_000, 20_000_000, 10_000, 1_500_000, 1_234].map((count) => withCount("cpu_ms", count));
  assert.deepEqual(names, ["cpu_ms_1m", "cpu_ms_20m", "cpu_ms_10k", "cpu_ms_1500k", "cpu_ms_1234"]);
});
