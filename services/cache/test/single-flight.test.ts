import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import type { LookupReply } from "@agentmesh/proto/cache";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import { type CacheClient, type Fleet, keyOf, startFleet, textOf } from "./fleet.ts";

const LEASE_MS = 1_000;

let stack: AsyncDisposableStack;
let fleet: Fleet;
let token: string;

before(async () => {
  stack = new AsyncDisposableStack();
  fleet = await startFleet(stack, 2, { flights: { leaseMs: LEASE_MS } });
  token = await fleet.callers.token({ permissions: ["system:monitor"] });
});

after(() => stack.disposeAsync());

function clientOf(index: number): CacheClient {
  return fleet.clients[index % fleet.clients.length] ?? fleet.clients[0];
}

function join(client: CacheClient, question: string): Promise<LookupReply> {
  return client.lookup({ key: keyOf(question), singleFlight: true }, { token });
}

function waitFor(client: CacheClient, question: string, waitMs = 10_000): Promise<LookupReply> {
  return client.awaitAnswer({ lookup: { key: keyOf(question), singleFlight: true }, waitMs }, { token });
}

async function store(
  client: CacheClient,
  question: string,
  { epoch, lease }: LookupReply,
  text: string,
): Promise<void> {
  const value = Buffer.from(JSON.stringify({ text }));
  await client.store({ key: keyOf(question), value, ttlS: 60, costNanoUsd: 5n, epoch, lease }, { token });
}

/** As a runner does: looks up, waits where told to, calls upstream where it has to, and keeps the answer. */
async function run(client: CacheClient, question: string, upstream: () => Promise<string>): Promise<string> {
  const first = await join(client, question);
  const reply = first.wait ? await waitFor(client, question) : first;
  if (reply.hit) return textOf(reply);
  const text = await upstream();
  await store(client, question, reply, text);
  return text;
}

test("400 equal misses over two replicas make one upstream call, and all get its answer", async () => {
  let calls = 0;
  const upstream = async () => {
    calls += 1;
    await wait(200);
    return `answer ${calls}`;
  };
  const answers = await Promise.all(
    Array.from({ length: 400 }, (_, index) => run(clientOf(index), "burst?", upstream)),
  );
  assert.equal(calls, 1);
  assert.deepEqual(new Set(answers), new Set(["answer 1"]));
  const people = await fleet.callers.client(cacheContract, fleet.replicas[0]?.port ?? 0);
  const stats = await eventually(
    async () => {
      const read = await people.getCacheStats({}, { token });
      return read.l1Hits + read.l2Hits >= 399n ? read : undefined;
    },
    { what: "the counts of both replicas" },
  );
  assert.ok(stats.coalesced > 0n && stats.savedNanoUsd === 399n * 5n, `${stats.coalesced} ${stats.savedNanoUsd}`);
  assert.equal(stats.spentNanoUsd, 5n);
});

test("who waits is told to lead when the leader gives up, one at a time", async () => {
  const leader = await join(clientOf(0), "fails?");
  assert.notEqual(leader.lease, "");
  const waiting = [0, 1, 2, 3].map((index) => waitFor(clientOf(index), "fails?"));
  await clientOf(1).releaseLease({ key: keyOf("fails?"), epoch: leader.epoch, lease: leader.lease }, { token });
  const next = await Promise.race(waiting);
  assert.ok(!next.hit && next.lease !== "" && next.lease !== leader.lease);
  await store(clientOf(0), "fails?", next, "second try");
  const replies = await Promise.all(waiting);
  assert.equal(replies.filter((reply) => reply.hit && textOf(reply) === "second try").length, 3);
});

test("an answer that is only its caller's frees all who wait at once, and the next for a while", async () => {
  const leader = await join(clientOf(0), "mine?");
  const waiting = [0, 1, 2].map((index) => waitFor(clientOf(index), "mine?"));
  const released = { key: keyOf("mine?"), epoch: leader.epoch, lease: leader.lease, unshared: true };
  await clientOf(1).releaseLease(released, { token });
  for (const reply of await Promise.all(waiting)) assert.deepEqual([reply.hit, reply.lease], [false, ""]);
  for (const index of [0, 1]) {
    const later = await join(clientOf(index), "mine?");
    assert.deepEqual([later.hit, later.lease, later.wait], [false, "", false]);
  }
});

test("a leader that dies is replaced when its lease ends; one that renews it is not", async () => {
  const dead = await join(clientOf(0), "dies?");
  const startedAtMs = performance.now();
  const next = await waitFor(clientOf(1), "dies?");
  assert.notEqual(next.lease, "");
  assert.ok(performance.now() - startedAtMs < LEASE_MS + 2_500);
  const renewed = await clientOf(0).renewLease(
    { key: keyOf("dies?"), epoch: dead.epoch, lease: dead.lease },
    { token },
  );
  assert.equal(renewed.held, false);

  const alive = await join(clientOf(0), "lives?");
  const own = { key: keyOf("lives?"), epoch: alive.epoch, lease: alive.lease };
  const waiting = waitFor(clientOf(1), "lives?", 2_500);
  for (let at = 0; at < 2_500; at += 500) {
    await wait(500);
    assert.equal((await clientOf(at).renewLease(own, { token })).held, true);
  }
  const patient = await waiting;
  assert.deepEqual([patient.hit, patient.lease], [false, ""], "time was up, and the leader still at it");
});

test("tenants never wait for each other, and a foreign lease ends nothing", async () => {
  const other = await fleet.callers.token({ tenant: "globex" });
  const ours = await join(clientOf(0), "whose?");
  const theirs = await clientOf(1).lookup({ key: keyOf("whose?"), singleFlight: true }, { token: other });
  assert.notEqual(theirs.lease, "");
  const stolen = { key: keyOf("whose?"), epoch: theirs.epoch, lease: ours.lease };
  await clientOf(0).releaseLease(stolen, { token: other });
  assert.equal((await clientOf(0).lookup({ key: keyOf("whose?"), singleFlight: true }, { token: other })).wait, true);
});

test("a lookup that is not part of it never leads nor waits", async () => {
  await join(clientOf(0), "alone?");
  const reply = await clientOf(1).lookup({ key: keyOf("alone?") }, { token });
  assert.deepEqual([reply.wait, reply.lease], [false, ""]);
});

test("a batch is looked up in one pass: hits, misses, and equal ones of which one leads", async () => {
  await run(clientOf(0), "known 1?", async () => "one");
  await run(clientOf(1), "known 2?", async () => "two");
  const questions = ["known 1?", "new 1?", "known 2?", "new 1?", "new 2?"];
  const lookups = questions.map((question) => ({ key: keyOf(question), singleFlight: true }));
  const { replies } = await clientOf(0).lookupMany({ lookups }, { token });
  assert.deepEqual(replies.map(textOf), ["one", "", "two", "", ""]);
  assert.deepEqual(
    replies.map((reply) => reply.lease !== ""),
    [false, true, false, false, true],
  );
  assert.deepEqual(
    replies.map((reply) => reply.wait),
    [false, false, false, true, false],
  );
  const stores = [1, 4].map((index) => ({
    key: keyOf(questions[index] ?? ""),
    value: Buffer.from(JSON.stringify({ text: `answer ${index}` })),
    epoch: replies[index]?.epoch ?? "",
    lease: replies[index]?.lease ?? "",
  }));
  const waiting = waitFor(clientOf(1), "new 1?");
  const tooLarge = { key: keyOf("large?"), value: Buffer.alloc(2_000_000), epoch: replies[1]?.epoch ?? "" };
  const kept = await clientOf(0).storeMany({ stores: [...stores, tooLarge] }, { token });
  assert.deepEqual(
    kept.replies.map(({ stored }) => stored),
    [true, true, false],
  );
  assert.equal(textOf(await waiting), "answer 1");
  const again = await clientOf(1).lookupMany({ lookups }, { token });
  assert.deepEqual(again.replies.map(textOf), ["one", "answer 1", "two", "answer 1", "answer 4"]);
  const many = Array.from({ length: 257 }, () => ({ key: keyOf("x") }));
  await assert.rejects(clientOf(0).lookupMany({ lookups: many }, { token }), { reason: "TOO_MANY" });
});

test("a workload that repeats itself is spared most of its cost, at the prices its answers had", async () => {
  const shopper = await fleet.callers.token({ tenant: "repeating", permissions: ["system:monitor"] });
  // A few questions are asked often and many seldom: the n-th most frequent a n-th as often as the first.
  let spent = 0n;
  let full = 0n;
  for (let asked = 0; asked < 400; asked++) {
    const rank = Math.floor(Math.exp(((asked * 0.618_034) % 1) * Math.log(120)));
    const cost = BigInt(1_000 + rank);
    const key = keyOf(`question ${rank}?`);
    const reply = await clientOf(asked).lookup({ key }, { token: shopper });
    full += cost;
    if (reply.hit) continue;
    spent += cost;
    const value = Buffer.from(JSON.stringify({ text: "x" }));
    await clientOf(asked).store({ key, value, ttlS: 60, costNanoUsd: cost, epoch: reply.epoch }, { token: shopper });
  }
  const people = await fleet.callers.client(cacheContract, fleet.replicas[0]?.port ?? 0);
  const stats = await eventually(
    async () => {
      const read = await people.getCacheStats({}, { token: shopper });
      return read.savedNanoUsd + read.spentNanoUsd === full ? read : undefined;
    },
    { what: "the counts of both replicas" },
  );
  assert.equal(stats.spentNanoUsd, spent);
  const share = Number((stats.savedNanoUsd * 100n) / full);
  assert.ok(share >= 60, `${share} % saved`);
});

test("while Redis is away each replica keeps its own callers together, and afterwards all are one again", async () => {
  await join(clientOf(0), "warm?");
  await fleet.environment.redis.kill();
  let calls = 0;
  const upstream = async () => {
    calls += 1;
    await wait(100);
    return "made without Redis";
  };
  const answers = await Promise.all(Array.from({ length: 100 }, () => run(clientOf(0), "outage?", upstream)));
  assert.equal(calls, 1);
  assert.deepEqual(new Set(answers), new Set(["made without Redis"]));
  await fleet.environment.redis.restart();
  await eventually(async () => (await join(clientOf(0), `back ${performance.now()}?`)).epoch !== "", { what: "Redis" });
  await eventually(
    async () => {
      const question = `again ${performance.now()}?`;
      const [one, other] = [await join(clientOf(0), question), await join(clientOf(1), question)];
      return one.lease !== "" && other.wait;
    },
    { what: "one flight over both replicas" },
  );
});
