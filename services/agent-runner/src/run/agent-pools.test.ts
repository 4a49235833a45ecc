import assert from "node:assert/strict";
import { test } from "node:test";
import { createAgentPools } from "./agent-pools.ts";

test("places are bounded for each agent, the queue is served in order, and a full one refuses at once with a hint", async () => {
  const pools = createAgentPools({ places: 2, queue: 3 });
  const gate = Promise.withResolvers<void>();
  const order: number[] = [];
  const runs = Array.from({ length: 5 }, (_, n) =>
    pools.run("acme", "slow", async () => {
      order.push(n);
      await gate.promise;
    }),
  );
  const refused = pools.run("acme", "slow", async () => undefined);
  await assert.rejects(refused, { code: "RESOURCE_EXHAUSTED", reason: "QUEUE_FULL", retryAfterMs: 1_000 });
  assert.deepEqual(order, [0, 1]);
  assert.equal(await pools.run("acme", "other", async () => "free"), "free");
  assert.equal(await pools.run("globex", "slow", async () => "free"), "free");
  gate.resolve();
  await Promise.all(runs);
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
});

test("fewer places let nobody in until enough have left; more let the waiting in at once", async () => {
  const pools = createAgentPools({ places: 4, queue: 10 });
  let running = 0;
  let most = 0;
  const ends: (() => void)[] = [];
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => ends.push(resolve));
    running -= 1;
  };
  const runs = Array.from({ length: 8 }, () => pools.run("acme", "a", work));
  assert.equal(running, 4);
  pools.scale(0.25);
  for (const end of ends.splice(0, 3)) end();
  await new Promise(setImmediate);
  assert.equal(running, 1, "three left and nobody came");
  pools.scale(1);
  await new Promise(setImmediate);
  assert.equal(running, 4);
  while (ends.length > 0) {
    ends.shift()?.();
    await new Promise(setImmediate);
  }
  await Promise.all(runs);
  assert.equal(most, 4);
  pools.trim();
});

test("who stops waiting leaves the queue to others; runs below an agent do not wait for those above it", async () => {
  const pools = createAgentPools({ places: 1, queue: 1 });
  const gate = Promise.withResolvers<void>();
  const first = pools.run("acme", "a", () => gate.promise);
  const gone = new AbortController();
  const queued = pools.run("acme", "a", async () => assert.fail("it had gone"), { signal: gone.signal });
  await assert.rejects(
    pools.run("acme", "a", async () => undefined),
    { reason: "QUEUE_FULL" },
  );
  gone.abort(new Error("gone"));
  await assert.rejects(queued, { message: "gone" });
  const next = pools.run("acme", "a", async () => "next");
  assert.equal(await pools.run("acme", "a", async () => "below", { depth: 1 }), "below");
  gate.resolve();
  await first;
  assert.equal(await next, "next");
});

test("one agent can have fewer places than the others, on top of what all have, and what is in a pool can be seen", async () => {
  const pools = createAgentPools({ places: 8, queue: 20 });
  const places = () => Object.fromEntries([...pools.all()].map(({ key, places: each }) => [key, each]));
  const gate = Promise.withResolvers<void>();
  const runs = Array.from({ length: 6 }, () => pools.run("acme", "big", () => gate.promise));
  await pools.run("acme", "other", async () => undefined);
  pools.scaleAgent("acme/big", 0.5);
  assert.deepEqual(places(), { "acme/big": 4, "acme/other": 8 });
  pools.scale(0.5);
  assert.deepEqual(places(), { "acme/big": 2, "acme/other": 4 });
  runs.push(pools.run("acme", "big", () => gate.promise));
  const [big] = [...pools.all()].filter(({ agent }) => agent === "big");
  assert.deepEqual([big?.running, big?.queued, big?.ended], [6, 1, 0]);
  gate.resolve();
  await Promise.all(runs);
  pools.trim();
  assert.deepEqual(places(), {});
  await pools.run("acme", "big", async () => undefined);
  assert.deepEqual(places(), { "acme/big": 2 }, "an agent that comes again has no more places than before");
  pools.scale(1);
  pools.scaleAgent("acme/big", 1);
  assert.deepEqual(places(), { "acme/big": 8 });
});
