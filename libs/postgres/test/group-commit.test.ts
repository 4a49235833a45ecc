import assert from "node:assert/strict";
import { test } from "node:test";
import { AppError } from "@agentmesh/errors";
import fc from "fast-check";
import { groupCommit } from "../src/index.ts";

test("a lone call is committed at once; calls that arrive meanwhile are one group, in order", async () => {
  const groups: number[][] = [];
  let release = () => {};
  const commit = groupCommit<number, string>({
    name: "test",
    async commit(items) {
      groups.push([...items]);
      if (groups.length === 1) await new Promise<void>((resolve) => (release = resolve));
      return items.map((item) => `r${item}`);
    },
  });
  const first = commit(0);
  await new Promise(setImmediate);
  const rest = [1, 2, 3].map((item) => commit(item));
  release();
  assert.deepEqual(await Promise.all([first, ...rest]), ["r0", "r1", "r2", "r3"]);
  assert.deepEqual(groups, [[0], [1, 2, 3]]);
});

test("what the database refuses takes no other with it; when it is away all are rejected at once", async () => {
  let calls = 0;
  let away = false;
  const commit = groupCommit<number, number>({
    name: "test",
    async commit(items) {
      calls += 1;
      if (away) throw new AppError("UNAVAILABLE", "the database is away");
      if (items.includes(3)) throw new Error("3 is refused");
      return items.map((item) => (item === 1 ? new Error("1 is bad") : item * 10));
    },
  });
  const told = async () => {
    const settled = await Promise.allSettled([0, 1, 2, 3, 4].map((item) => commit(item)));
    return settled.map((each) => (each.status === "fulfilled" ? each.value : each.reason.message));
  };
  assert.deepEqual(await told(), [0, "1 is bad", 20, "3 is refused", 40]);
  [calls, away] = [0, true];
  assert.deepEqual(await told(), Array(5).fill("the database is away"));
  assert.equal(calls, 1);
});

test("a commit without results to give resolves; a wrong number of results fails the group", async () => {
  const nothing = groupCommit<number, void>({ name: "test", commit: async (items) => items.map(() => undefined) });
  await Promise.all([nothing(1), nothing(2)]);
  const short = groupCommit<number, number>({ name: "test", commit: async () => [1] });
  const settled = await Promise.allSettled([short(1), short(2)]);
  assert.deepEqual(
    settled.map((each) => each.status),
    ["rejected", "rejected"],
  );
});

test("beyond its bound the queue refuses with a hint when to come again", async () => {
  const held = Promise.withResolvers<void>();
  const commit = groupCommit<number, number>({
    name: "ledger",
    maxQueued: 2,
    async commit(items) {
      await held.promise;
      return items;
    },
  });
  const running = commit(0);
  await new Promise(setImmediate);
  const queued = [commit(1), commit(2)];
  await assert.rejects(commit(3), { code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL", retryAfterMs: 500 });
  held.resolve();
  assert.deepEqual(await Promise.all([running, ...queued]), [0, 1, 2]);
});

test("whatever the sizes, every item is answered with its own result, in groups within the bounds", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 3 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 60 }),
      async (maxItems, concurrency, pauses) => {
        let running = 0;
        const order: number[] = [];
        const commit = groupCommit<number, number>({
          name: "test",
          maxItems,
          concurrency,
          async commit(items) {
            running += 1;
            assert.ok(items.length >= 1 && items.length <= maxItems && running <= concurrency);
            order.push(...items);
            for (let turn = 0; turn < (items[0] ?? 0) % 4; turn++) await Promise.resolve();
            running -= 1;
            return items.map((item) => item + 1000);
          },
        });
        const calls: Promise<number>[] = [];
        for (const [item, pause] of pauses.entries()) {
          for (let turn = 0; turn < pause; turn++) await Promise.resolve();
          calls.push(commit(item));
        }
        assert.deepEqual(
          await Promise.all(calls),
          pauses.map((_, item) => item + 1000),
        );
        assert.deepEqual(
          order,
          [...order].sort((a, b) => a - b),
        );
      },
    ),
    { numRuns: 100 },
  );
});
