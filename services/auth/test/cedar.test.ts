import assert from "node:assert/strict";
import { test } from "node:test";
import { compare } from "./cedar/compare.ts";

// Some five seconds, on a busy machine fifteen: Cedar takes 0.15 ms and more. test/cedar/main.ts runs 100 000, or as many as it is told.
const REQUESTS = 30_000;

test("random roles decide random requests as Cedar does", () => {
  const { allowed, disagreements, requests } = compare(REQUESTS, 20_261_120);
  assert.deepEqual(disagreements, []);
  assert.ok(allowed > requests / 20, `only ${allowed} of ${requests} were allowed: that would prove little`);
});
