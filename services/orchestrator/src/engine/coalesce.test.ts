import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { groupRequests } from "./coalesce.ts";

type Gate = { open: () => void; opened: Promise<void> };

function gate(): Gate {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { open: resolve, opened: promise };
}

const options = { name: "tests", maxBatch: 10, maxWaiting: 20, lanes: 1 };

test("what comes while a batch runs goes together in the next, in order, each with its own results", async () => {
  const batches: number[][] = [];
  const first = gate();
  await using group = groupRequests<number, number>({
    ...options,
    async apply(items) {
      batches.push([...items]);
      if (batches.length === 1) await first.opened;
      return items.map((item) => item * 10);
    },
  });
  const one = group.run([1]);
  await new Promise(setImmediate);
  const others = [group.run([2, 3]), group.run([4]), group.run([5, 6, 7, 8, 9, 10, 11, 12])];
  first.open();
  assert.deepEqual(await one, [10]);
  assert.deepEqual(await Promise.all(others), [[20, 30], [40], [50, 60, 70, 80, 90, 100, 110, 120]]);
  assert.deepEqual(batches, [[1], [2, 3, 4], [5, 6, 7, 8, 9, 10, 11, 12]], "a request is never divided");
});

test("a request that fails does not take others with it; an outage fails all at once", async () => {
  let outage = false;
  let calls = 0;
  await using group = groupRequests<number, number>({
    ...options,
    async apply(items) {
      calls += 1;
      if (outage) throw new AppError("UNAVAILABLE", "the database is away");
      if (items.includes(13)) throw new Error("13 is bad");
      return items;
    },
  });
  const settled = await Promise.allSettled([group.run([1]), group.run([13]), group.run([2])]);
  assert.deepEqual(
    settled.map((one) => one.status),
    ["fulfilled", "rejected", "fulfilled"],
  );
  outage = true;
  calls = 0;
  const refused = await Promise.allSettled([group.run([1]), group.run([2])]);
  assert.deepEqual([refused.map((one) => one.status), calls], [["rejected", "rejected"], 1]);
});

test("the queue is bounded and says so; disposing waits for what runs", async () => {
  const hold = gate();
  let applied = 0;
  const group = groupRequests<number, number>({
    ...options,
    maxWaiting: 2,
    async apply(items) {
      await hold.opened;
      applied += items.length;
      return items;
    },
  });
  const running = group.run([1]);
  await new Promise(setImmediate);
  const waiting = group.run([2, 3]);
  await assert.rejects(group.run([4]), { code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL" });
  hold.open();
  await group[Symbol.asyncDispose]();
  assert.equal(applied, 3);
  await Promise.all([running, waiting]);
});
