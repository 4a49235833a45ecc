import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Client } from "@agentmesh/rpc";
import { Redis } from "ioredis";
import { answer, type CacheClient, type Fleet, keyOf, startFleet } from "./fleet.ts";
import { type SlowLink, startSlowLink } from "./slow-link.ts";

// A real Redis that is slow, full or comes back without anything. `near` reaches it through a link that can be slowed;
// `far` and `other` directly. Killed and frozen ones are in cache.test.ts.
const TIMEOUT_MS = 150;

let stack: AsyncDisposableStack;
let fleet: Fleet;
let link: SlowLink;
let near: CacheClient;
let far: CacheClient;
let people: Client<typeof cacheContract>;
let token: string;

before(async () => {
  stack = new AsyncDisposableStack();
  fleet = await startFleet(stack, 1, {});
  link = stack.use(await startSlowLink(fleet.environment.redisUrl));
  ({ client: near } = await fleet.start({ redis: { url: link.url, timeoutMs: TIMEOUT_MS } }));
  [far] = fleet.clients;
  const [running] = fleet.replicas;
  people = await fleet.callers.client(cacheContract, running?.port ?? 0);
  token = await fleet.callers.token({ permissions: ["agent:update", "system:monitor"] });
});
after(() => stack.disposeAsync());

async function find(client: CacheClient, question: string): Promise<{ tier: string; tookMs: number }> {
  const startedAtMs = performance.now();
  const { hit, tier } = await client.lookup({ key: keyOf(question) }, { token });
  return { tier: hit ? tier : "none", tookMs: performance.now() - startedAtMs };
}

async function redis<T>(work: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(fleet.environment.redisUrl);
  try {
    return await work(client);
  } finally {
    client.disconnect();
  }
}

test("a Redis that is a little slow answers; one that is too slow costs its timeouts, then nothing, and is found again", async () => {
  await answer(far, "kept before", "a", { token });
  link.delayMs = 10;
  assert.equal((await find(near, "kept before")).tier, "l2");

  link.delayMs = 1_000;
  for (let i = 0; i < 8; i++) {
    const { tier, tookMs } = await find(near, `slow ${i}`);
    assert.equal(tier, "none");
    assert.ok(tookMs < 5 * TIMEOUT_MS, `a slow Redis cost a lookup ${tookMs.toFixed(0)} ms`);
  }
  // The breaker is open: nobody waits for it any more, but for a probe now and then.
  const quick: number[] = [];
  for (let i = 0; i < 10; i++) quick.push((await find(near, `open ${i}`)).tookMs);
  assert.ok(Math.min(...quick) < TIMEOUT_MS, `behind an open breaker lookups took ${quick.map(Math.round)} ms`);
  assert.equal((await find(near, "kept before")).tier, "l1", "memory goes on");
  await answer(near, "kept while slow", "b", { token });

  link.delayMs = 0;
  await answer(far, "kept after", "c", { token });
  await eventually(async () => (await find(near, "kept after")).tier === "l2", { what: "Redis to be asked again" });
});

test("a full Redis that evicts nothing keeps what it has, takes no more, and nobody is told of an error", async () => {
  await answer(far, "kept while there was room", "a", { token });
  await redis(async (client) => {
    await client.config("SET", "maxmemory-policy", "noeviction");
    await client.config("SET", "maxmemory", "1");
    await assert.rejects(client.set("probe", "x"), /OOM/);
  });
  try {
    assert.equal((await find(near, "kept while there was room")).tier, "l2", "reading needs no room");
    const key = keyOf("no room");
    const { epoch } = await far.lookup({ key }, { token });
    const { stored } = await far.store({ key, value: Buffer.from("x"), ttlS: 60, epoch }, { token });
    assert.equal(stored, true, "memory has room");
    assert.deepEqual([(await find(far, "no room")).tier, (await find(near, "no room")).tier], ["l1", "none"]);
    // It would look done and not be: the other replicas could not learn of it.
    await assert.rejects(people.invalidateCache({ agent: "drafter" }, { token, timeoutMs: 2_000 }));
  } finally {
    await redis((client) => client.config("SET", "maxmemory", "0"));
  }
  await eventually(
    async () => {
      await answer(far, "room again", "b", { token });
      return (await find(near, "room again")).tier !== "none";
    },
    { what: "answers to be shared again" },
  );
});

test("a Redis that lost everything brings nothing back that was invalidated, and fills again", async () => {
  await answer(far, "old", "a", { token });
  await people.invalidateCache({ agent: "drafter" }, { token });
  await eventually(async () => (await find(near, "old")).tier === "none", { what: "the invalidation" });
  await answer(far, "current", "b", { token });
  await fleet.environment.redis.kill();
  await fleet.environment.redis.restart();
  await redis((client) => client.flushall());
  await eventually(
    async () => {
      await answer(far, "new", "c", { token });
      return (await find(near, "new")).tier !== "none";
    },
    { what: "answers to be shared again" },
  );
  assert.deepEqual([(await find(far, "old")).tier, (await find(near, "old")).tier], ["none", "none"]);
  // The epochs that come after are later than any before, so that a new invalidation counts as well.
  await people.invalidateCache({ agent: "drafter" }, { token });
  await eventually(async () => (await find(near, "new")).tier === "none", { what: "the next invalidation" });
});
