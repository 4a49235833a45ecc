// A short soak: that it drives every kind of request, sees every process, and finds the books in order. What it says when
// they are not is tried on evidence made up.
import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { kinds } from "./load/kinds/all.ts";
import { renderResult } from "./report.ts";
import { runSoak } from "./run-soak.ts";
import { type Evidence, judge } from "./verdict/judge.ts";
import { sumOf } from "./verdict/spans.ts";
import type { Window } from "./watch/window.ts";

test("a few seconds of soak: all runs stored and paid, every span ended, every process seen", {
  timeout: 120_000,
}, async (t) => {
  const windows: Window[] = [];
  const result = await runSoak({
    root: mkdtempSync(join(tmpdir(), "agentmesh-soak-")),
    forMs: 3_000,
    ratePerS: 15,
    seed: 7,
    sampleMs: 500,
    windowMs: 2_000,
    log: (line) => t.diagnostic(line),
    onWindow: (window) => void windows.push(window),
    signal: t.signal,
  });
  assert.deepEqual(result.problems, [], renderResult(result));
  assert.ok(result.tally.byKind.size > kinds.length / 2, "most kinds were asked");
  assert.ok(result.books.runs >= result.runs.known && result.books.paid > 0 && result.books.failedCalls >= 0);
  const { byService, received } = result.spans;
  assert.equal(
    sumOf(byService, (each) => each.started),
    sumOf(byService, (each) => each.ended),
  );
  assert.equal(
    received,
    sumOf(byService, (each) => each.ended),
  );
  assert.ok(windows.length > 0 && received > 0);
  for (const { services } of windows) {
    assert.equal(services.size, 8);
    for (const { liveHeapBytes, heapFloorBytes, rssBytes, handles } of services.values()) {
      assert.ok(liveHeapBytes > 1e6 && heapFloorBytes > 1e6 && rssBytes > heapFloorBytes && handles > 0);
    }
  }
});

const clean: Evidence = {
  windows: windowsThatGrowBy(0),
  restarts: [],
  requests: { asked: 1_000, done: 990, refused: 10, failed: 0 },
  books: { runs: 1_000, modelCalls: 900, paid: 900, hits: 100, failedCalls: 0, lost: [], wrong: [] },
  upstreamRequests: 900,
  restless: [],
};

/** Half an hour of a fake service. */
function windowsThatGrowBy(bytesPerMinute: number): Window[] {
  const stores = { postgresRows: 0, postgresBytes: 0, redisBytes: 0, redisKeys: 0, jetstreamMessages: 0 };
  const still = { heapFloorBytes: 0, rssBytes: 0, handles: 0, openSpansLeast: 0, spansStarted: 0, spansEnded: 0 };
  return Array.from({ length: 30 }, (_, minute) => {
    const liveHeapBytes = 30e6 + minute * bytesPerMinute;
    const services = new Map([["fake", { ...still, lagMaxMs: 0, liveHeapBytes }]]);
    return { atMs: minute * 60_000, services, stores: { ...stores, jetstreamBytes: 0 } };
  });
}

test("what is wrong is said, each thing by its name; nothing else is", () => {
  const cases: [Partial<Evidence>, RegExp][] = [
    [{ windows: windowsThatGrowBy(500_000) }, /^the heap of fake grows by 28\.6 ± 0\.0 MB\/h/],
    [{ restarts: ["cost"] }, /^processes ended and were started anew: cost/],
    [{ requests: { asked: 1_000, done: 990, refused: 0, failed: 10 } }, /^10 of 1000 requests failed/],
    [{ requests: { asked: 1_000, done: 900, refused: 100, failed: 0 } }, /^100 of 1000 requests were refused/],
    [{ requests: { asked: 1_000, done: 999, refused: 0, failed: 0 } }, /^1 requests were never answered/],
    [{ books: { ...clean.books, lost: ["a"] } }, /^1 runs were lost:\n\s+a/],
    [{ books: { ...clean.books, wrong: ["b"] } }, /^1 runs have not the ledger rows they should:\n\s+b/],
    [{ upstreamRequests: 901 }, /^the upstream had 901 requests, the ledger has 900 rows/],
    [{ restless: ["3 spans of cost are still open"] }, /^3 spans of cost/],
  ];
  assert.deepEqual(judge(clean), []);
  for (const [wrong, expected] of cases) {
    const [problem = "", ...others] = judge({ ...clean, ...wrong });
    assert.match(problem, expected);
    assert.deepEqual(others, []);
  }
});
