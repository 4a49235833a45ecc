import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgentAccounts } from "./agent-accounts.ts";

test("an agent's figures: rate, percentile, and the process's time shared out by the text runs handled", () => {
  let nowMs = 0;
  const accounts = createAgentAccounts(() => nowMs);
  const small = accounts.begin("acme/small", "p/first");
  const large = [accounts.begin("acme/large", ""), accounts.begin("acme/large", "")];
  nowMs = 1_000;
  small.ended({ chars: 100, isComputed: true });
  small[Symbol.dispose]();
  for (const each of large) {
    each.ended({ chars: 450, isComputed: false });
    each[Symbol.dispose]();
    each[Symbol.dispose]();
  }
  const [one, two] = accounts.take(30_000, 500);
  assert.deepEqual(one, {
    agent: "acme/small",
    requestsPerMinute: 2,
    computed: 1,
    p95Ms: 1_000,
    cpuShare: 0.05,
    memoryBytes: 800,
    replaceable: "p/first",
  });
  // 450 of 500 ms, over 2 s of runs; two at once, each with 450 characters.
  assert.deepEqual([two?.cpuShare, two?.memoryBytes, two?.computed], [0.225, 7_200, 0]);
  assert.deepEqual(accounts.take(30_000, 500), [], "nothing is under way");
});

test("a run that lasts longer than a window is counted where it ends, and as under way until then", () => {
  let nowMs = 0;
  const accounts = createAgentAccounts(() => nowMs);
  const run = accounts.begin("acme/long", "");
  assert.deepEqual(
    accounts.take(60_000, 10).map(({ computed, memoryBytes }) => [computed, memoryBytes]),
    [[0, 0]],
  );
  nowMs = 90_000;
  run.ended({ chars: 10, isComputed: true });
  run[Symbol.dispose]();
  assert.deepEqual(
    accounts.take(60_000, 10).map(({ computed, p95Ms, requestsPerMinute }) => [computed, p95Ms, requestsPerMinute]),
    [[1, 90_000, 0]],
  );
});
