import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import fc from "fast-check";
import { backoffMs, createBreaker, createBulkhead, retry } from "../src/index.ts";

const away = (retryAfterMs?: number) =>
  new AppError("UNAVAILABLE", "away", retryAfterMs === undefined ? {} : { retryAfterMs });

test("a retry stops at the first success, and at the last attempt with the last error", async () => {
  let calls = 0;
  const third = await retry(
    async (attempt) => {
      calls += 1;
      if (attempt < 3) throw away();
      return attempt;
    },
    { delayMs: 1 },
  );
  assert.deepEqual([third, calls], [3, 3]);
  const errors: Error[] = [];
  const failing = retry(
    async () => {
      errors.push(away());
      throw errors.at(-1);
    },
    { attempts: 4, delayMs: 1 },
  );
  await assert.rejects(failing, (error) => error === errors[3] && errors.length === 4);
});

test("what is not worth another try is thrown at once", async () => {
  for (const error of [new AppError("NOT_FOUND", "no"), new TypeError("a defect")]) {
    let calls = 0;
    await assert.rejects(
      retry(
        async () => {
          calls += 1;
          throw error;
        },
        { delayMs: 1 },
      ),
      error,
    );
    assert.equal(calls, 1);
  }
});

test("the next try is no sooner than the error asks for; beyond the longest wait there is none", async () => {
  const atMs: number[] = [];
  const work = (askedMs: number) => async (attempt: number) => {
    atMs.push(performance.now());
    if (attempt === 1) throw away(askedMs);
  };
  await retry(work(150), { delayMs: 1 });
  assert.ok((atMs[1] ?? 0) - (atMs[0] ?? 0) >= 145);
  for (const askedMs of [60_001, 2 ** 31, 1e12]) {
    const startedAtMs = performance.now();
    await assert.rejects(retry(work(askedMs), { delayMs: 1 }), { retryAfterMs: askedMs });
    assert.ok(performance.now() - startedAtMs < 100);
  }
  await assert.rejects(retry(work(50), { maxRetryAfterMs: 40 }), { retryAfterMs: 50 });
});

test("an abort ends the wait and throws the last error", async () => {
  const error = away(30_000);
  const stop = new AbortController();
  const work = retry(
    async () => {
      throw error;
    },
    { signal: stop.signal },
  );
  setTimeout(() => stop.abort(), 20);
  await assert.rejects(work, (thrown) => thrown === error);
});

test("the delay is within 0 and the bound, and grows with the random share alone", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.double({ min: 1, max: 10, noNaN: true }),
      fc.integer({ min: 0, max: 100_000 }),
      fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
      (retryNumber, delayMs, multiplier, maxDelayMs, random) => {
        const options = { delayMs, multiplier, maxDelayMs };
        const waitMs = backoffMs(retryNumber, options, random);
        assert.ok(waitMs >= 0 && waitMs <= maxDelayMs && waitMs <= delayMs * multiplier ** (retryNumber - 1));
        assert.equal(backoffMs(retryNumber, options, 0), 0);
        assert.ok(backoffMs(retryNumber, options, random / 2) <= waitMs);
      },
    ),
  );
});

test("a breaker opens after consecutive failures, probes once when its time is over, and closes on success", async () => {
  const states: string[] = [];
  const breaker = createBreaker({ name: "model x", failures: 3, openMs: 50, onChange: (state) => states.push(state) });
  let calls = 0;
  const fail = async () => {
    calls += 1;
    throw away();
  };
  const succeed = async () => ++calls;
  for (let i = 0; i < 2; i++) await assert.rejects(breaker.run(fail), { message: "away" });
  await breaker.run(succeed);
  for (let i = 0; i < 3; i++) await assert.rejects(breaker.run(fail), { message: "away" });
  assert.equal(breaker.state, "open");
  calls = 0;
  const refused = {
    code: "UNAVAILABLE",
    reason: "BREAKER_OPEN",
    message: /model x: not called, its last 3 calls failed/,
  };
  await assert.rejects(breaker.run(succeed), refused);
  assert.equal(calls, 0);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await assert.rejects(breaker.run(fail), { message: "away" });
  await assert.rejects(breaker.run(succeed), refused);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await breaker.run(succeed);
  assert.equal(breaker.state, "closed");
  assert.deepEqual(states, ["open", "half-open", "open", "half-open", "closed"]);
});

test("errors that do not count neither open a breaker nor are hidden by it", async () => {
  const counts = (error: unknown) => error instanceof AppError && error.code === "UNAVAILABLE";
  const breaker = createBreaker({ name: "x", failures: 2, counts });
  const bad = new AppError("INVALID_ARGUMENT", "bad input");
  for (let i = 0; i < 5; i++)
    await assert.rejects(
      breaker.run(() => Promise.reject(bad)),
      bad,
    );
  assert.equal(breaker.state, "closed");
});

test("while a breaker probes nobody else is let through", async () => {
  const breaker = createBreaker({ name: "x", failures: 1, openMs: 20 });
  await assert.rejects(breaker.run(() => Promise.reject(away())));
  await new Promise((resolve) => setTimeout(resolve, 30));
  const held = Promise.withResolvers<void>();
  let calls = 0;
  const work = async () => {
    calls += 1;
    await held.promise;
    throw away();
  };
  const all = Array.from({ length: 5 }, () => breaker.run(work));
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(calls, 1);
  held.resolve();
  const reasons = (await Promise.allSettled(all)).map((each) =>
    each.status === "rejected" ? each.reason.reason : "ok",
  );
  assert.deepEqual(reasons, [undefined, ...Array.from({ length: 4 }, () => "BREAKER_OPEN")]);
  assert.equal(calls, 1);
});

test("a bulkhead lets so many in, lets so many wait in order, and refuses the rest", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 0, max: 5 }),
      fc.array(fc.record({ turns: fc.nat(4), fails: fc.boolean(), pause: fc.nat(3) }), { maxLength: 30 }),
      async (places, queue, works) => {
        const bulkhead = createBulkhead({ name: "tool", places, queue, retryAfterMs: 70 });
        const started: number[] = [];
        const waited: number[] = [];
        let inside = 0;
        const outcomes = works.map(async ({ turns, fails, pause }, index) => {
          for (let turn = 0; turn < pause * index; turn++) await Promise.resolve();
          const full = bulkhead.running === places && bulkhead.queued === queue;
          if (bulkhead.running === places && !full) waited.push(index);
          return bulkhead
            .run(async () => {
              started.push(index);
              inside += 1;
              assert.ok(inside <= places && bulkhead.queued <= queue);
              for (let turn = 0; turn < turns; turn++) await Promise.resolve();
              inside -= 1;
              if (fails) throw new Error("a defect");
              return "done";
            })
            .catch((error) => {
              assert.equal(error.reason === "QUEUE_FULL", full);
              if (full) assert.equal(error.retryAfterMs, 70);
              else assert.equal(error.message, "a defect");
            });
        });
        await Promise.all(outcomes);
        assert.deepEqual(
          started.filter((index) => waited.includes(index)),
          waited,
        );
        assert.deepEqual([inside, bulkhead.running, bulkhead.queued], [0, 0, 0]);
      },
    ),
    { numRuns: 300 },
  );
});

test("a bulkhead that is made smaller gives places up as they become free, and larger lets the waiting in", async () => {
  const bulkhead = createBulkhead({ name: "resized", places: 2, queue: 10 });
  const ends: (() => void)[] = [];
  const work = () => new Promise<void>((resolve) => ends.push(resolve));
  const runs = Array.from({ length: 4 }, () => bulkhead.run(work));
  bulkhead.resize(1);
  ends.shift()?.();
  await new Promise(setImmediate);
  assert.deepEqual([bulkhead.running, bulkhead.queued], [1, 2]);
  bulkhead.resize(3);
  await new Promise(setImmediate);
  assert.deepEqual([bulkhead.running, bulkhead.queued], [3, 0]);
  for (const end of ends) end();
  await Promise.all(runs);
  assert.equal(bulkhead.running, 0);
});
