import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { createFairQueue } from "./fair-queue.ts";

const { signal } = new AbortController();

test("a tenant with one call is served before the second of one with many", async () => {
  const queue = createFairQueue({ places: 1, queue: 100, waitMs: 5_000 });
  const served: string[] = [];
  const leave = await queue.enter("loud", signal);
  const calls = ["loud", "loud", "loud", "quiet", "other", "loud"].map(async (tenant) => {
    const done = await queue.enter(tenant, signal);
    served.push(tenant);
    done();
  });
  leave();
  await Promise.all(calls);
  assert.deepEqual(served, ["loud", "quiet", "other", "loud", "loud", "loud"]);
  assert.deepEqual([queue.running, queue.waiting], [0, 0]);
});

test("a full queue sheds the newest of its longest line, and says when to come back", async () => {
  const queue = createFairQueue({ places: 1, queue: 3, waitMs: 5_000 });
  const leave = await queue.enter("loud", signal);
  const shed: number[] = [];
  const loud = [1, 2, 3].map((number) => queue.enter("loud", signal).catch(() => void shed.push(number)));
  const quiet = queue.enter("quiet", signal);
  await assert.rejects(queue.enter("loud", signal), { reason: "OVERLOADED", retryAfterMs: 1_000 });
  await loud[2];
  assert.deepEqual(shed, [3]);
  leave();
  for (const call of [loud[0], quiet, loud[1]]) (await call)?.();
  assert.deepEqual([queue.running, queue.waiting], [0, 0]);
});

test("nobody waits for ever, and who has left waits no more", async () => {
  const queue = createFairQueue({ places: 1, queue: 10, waitMs: 20 });
  const leave = await queue.enter("a", signal);
  await assert.rejects(queue.enter("a", signal), { reason: "OVERLOADED" });
  const abort = new AbortController();
  const gone = queue.enter("b", abort.signal);
  abort.abort(new Error("gone"));
  await assert.rejects(gone, /gone/);
  assert.equal(queue.waiting, 0);
  leave();
  leave();
  assert.equal(queue.running, 0, "a place is given back once");
});

test("places are never more than there are, whatever comes and goes", async () => {
  const queue = createFairQueue({ places: 3, queue: 50, waitMs: 500 });
  let most = 0;
  let open = 0;
  await Promise.allSettled(
    Array.from({ length: 60 }, async (_, at) => {
      const abort = new AbortController();
      if (at % 7 === 0) setTimeout(() => abort.abort(new Error("gone")), 3);
      const done = await queue.enter(`t${at % 4}`, abort.signal);
      most = Math.max(most, ++open);
      await wait(2);
      open -= 1;
      done();
    }),
  );
  assert.ok(most <= 3);
  assert.deepEqual([queue.running, queue.waiting], [0, 0]);
});
