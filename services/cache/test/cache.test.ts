import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import { eventually, type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import type { CacheKey } from "@agentmesh/proto/cache";
import { cacheContract } from "@agentmesh/proto/cache.contract";
import type { Client } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { Redis } from "ioredis";
import { configSchema } from "../src/config.ts";
import { startCache } from "../src/service.ts";

// Two replicas on one Redis and one NATS, called as the runner (answers) and as the gateway (people) would.
const TIMEOUT_MS = 150;

let stack: AsyncDisposableStack;
let environment: TestEnvironment;
let callers: TestCallers;
let runner: Client<typeof cacheContract>;
let runnerOfSecond: Client<typeof cacheContract>;
let people: Client<typeof cacheContract>;
let acme: string;
let globex: string;

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("cache", { postgres: false }));
  callers = stack.use(await testCallers(environment));
  const first = stack.use(await startReplica());
  const second = stack.use(await startReplica());
  runner = await callers.client(cacheContract, first.port, "agent-runner");
  runnerOfSecond = await callers.client(cacheContract, second.port, "agent-runner");
  people = await callers.client(cacheContract, first.port);
  const permissions = ["agent:update", "system:monitor"];
  acme = await callers.token({ tenant: "acme", permissions });
  globex = await callers.token({ tenant: "globex", permissions });
  await eventually(() => runner.lookup({ key: keyOf("warm up") }, { token: acme }).then(() => true), { what: "keys" });
});

after(() => stack.disposeAsync());

function startReplica(): Promise<Running> {
  return startCache(
    configSchema.parse({
      listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
      nats: { url: environment.natsUrl },
      workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
      log: { level: "error" },
      tracing: {},
      // The machine of a test may be busy for longer than a real one may.
      redis: { url: environment.redisUrl, timeoutMs: TIMEOUT_MS },
    }),
  );
}

function keyOf(input: string, more: Partial<CacheKey> = {}): CacheKey {
  const policyHash = "a".repeat(64);
  return { namespace: "", agent: "drafter", agentVersion: 1, model: "embedded/lexical-1", policyHash, input, ...more };
}

async function put(key: CacheKey, value: string | Buffer, token = acme, tags: string[] = []): Promise<boolean> {
  const { epoch } = await runner.lookup({ key }, { token });
  const offered = { key, value: Buffer.from(value), ttlS: 60, costNanoUsd: 1_500n, tags, epoch };
  return (await runner.store(offered, { token })).stored;
}

test("an answer comes back from L1, on another replica from L2 and then from its L1, with its cost and age", async () => {
  const key = keyOf("tiers");
  await put(key, "answer");
  const near = await runner.lookup({ key }, { token: acme });
  assert.deepEqual([near.hit, near.tier, Buffer.from(near.value).toString()], [true, "l1", "answer"]);
  assert.equal(near.costNanoUsd, 1_500n);
  assert.ok(near.ageS < 5);
  assert.equal((await runnerOfSecond.lookup({ key }, { token: acme })).tier, "l2");
  assert.equal((await runnerOfSecond.lookup({ key }, { token: acme })).tier, "l1");
});

test("whatever changes an answer is a miss; a foreign tenant, above all, on both tiers", async () => {
  const key = keyOf("partition");
  await put(key, "secret of acme");
  const others = [
    { agent: "other" },
    { agentVersion: 2 },
    { model: "openai/gpt-4.1" },
    { policyHash: "b".repeat(64) },
    { input: "partition " },
    { namespace: "user:ada" },
  ];
  for (const other of others) {
    assert.equal((await runner.lookup({ key: { ...key, ...other } }, { token: acme })).hit, false);
  }
  assert.equal((await runner.lookup({ key }, { token: globex })).hit, false);
  assert.equal((await runnerOfSecond.lookup({ key }, { token: globex })).hit, false);
  const crafted = await callers.token({ tenant: "acme:0.0:" });
  assert.equal((await runner.lookup({ key }, { token: crafted })).hit, false);
});

test("the tenant comes from the token: without one, or as another workload, nothing is answered", async () => {
  const key = keyOf("who");
  await assert.rejects(runner.lookup({ key }), { code: "UNAUTHENTICATED" });
  await assert.rejects(runner.store({ key, value: Buffer.from("x") }), { code: "UNAUTHENTICATED" });
  await assert.rejects(people.lookup({ key }, { token: acme }), { reason: "WORKLOAD_NOT_ALLOWED" });
  await assert.rejects(people.invalidateCache({}, { token: await callers.token() }), { reason: "MISSING_PERMISSION" });
  await assert.rejects(runner.lookup({ key: keyOf("x", { policyHash: "short" }) }, { token: acme }), {
    reason: "INCOMPLETE_KEY",
    field: "key.policy_hash",
  });
});

test("invalidating agent, tag or tenant is seen by the other replica within a second, and by nobody else", async () => {
  const key = keyOf("invalidate");
  const tagged = keyOf("invalidate", { agent: "tagged" });
  const other = keyOf("invalidate", { agent: "other" });
  const seen = async (wanted: CacheKey, token = acme) => (await runnerOfSecond.lookup({ key: wanted }, { token })).hit;
  for (const each of [key, tagged, other]) await put(each, "v", acme, each === tagged ? ["kb"] : []);
  await put(key, "v", globex);
  for (const each of [key, tagged, other]) assert.equal(await seen(each), true);

  await people.invalidateCache({ agent: "drafter" }, { token: acme });
  await eventually(async () => !(await seen(key)), { what: "the agent's answers to go", timeoutMs: 1_000 });
  assert.deepEqual([await seen(tagged), await seen(other), await seen(key, globex)], [true, true, true]);

  await people.invalidateCache({ tag: "kb" }, { token: acme });
  await eventually(async () => !(await seen(tagged)), { what: "the tag's answers to go", timeoutMs: 1_000 });
  assert.equal(await seen(other), true);

  const { epoch } = await people.invalidateCache({}, { token: acme });
  assert.ok(epoch > 0n);
  await eventually(async () => !(await seen(other)), { what: "the tenant's answers to go", timeoutMs: 1_000 });
  assert.equal(await seen(key, globex), true);
  await assert.rejects(people.invalidateCache({ agent: "a", tag: "b" }, { token: acme }), {
    reason: "AMBIGUOUS_SCOPE",
  });
});

test("an answer made before an invalidation does not outlive it though it is stored after", async () => {
  const key = keyOf("race");
  const { epoch } = await runner.lookup({ key }, { token: acme });
  await people.invalidateCache({ agent: "drafter" }, { token: acme });
  assert.match(epoch, /^\d+\.\d+$/);
  await runner.store({ key, value: Buffer.from("old"), ttlS: 60, epoch }, { token: acme });
  assert.equal((await runner.lookup({ key }, { token: acme })).hit, false);
});

test("large answers are compressed in Redis and come back byte for byte; too large ones are refused quietly", async () => {
  const redis = new Redis(environment.redisUrl);
  try {
    const key = keyOf("large");
    const text = "the same words again and again. ".repeat(4_000);
    await put(key, text);
    const found = await runnerOfSecond.lookup({ key }, { token: acme });
    assert.equal(found.tier, "l2");
    assert.equal(Buffer.from(found.value).toString(), text);
    const sizes = await Promise.all((await redis.keys("c:acme:*")).map((name) => redis.strlen(name)));
    assert.ok(Math.max(...sizes) < text.length / 20, `stored as ${Math.max(...sizes)} bytes of ${text.length}`);
    const noise = randomBytes(200_000);
    const noisy = keyOf("noise");
    await put(noisy, noise);
    assert.ok(noise.equals(Buffer.from((await runnerOfSecond.lookup({ key: noisy }, { token: acme })).value)));
    assert.equal(await put(keyOf("huge"), Buffer.alloc(1024 * 1024 + 1)), false);
  } finally {
    redis.disconnect();
  }
});

test("an entry that was damaged in Redis is a miss", async () => {
  const redis = new Redis(environment.redisUrl);
  try {
    const key = keyOf("damaged");
    const before = new Set(await redis.keys("c:acme:*"));
    await put(key, "whole");
    for (const name of await redis.keys("c:acme:*"))
      if (!before.has(name)) await redis.set(name, "\u0001\u0001garbage");
    assert.equal((await runnerOfSecond.lookup({ key }, { token: acme })).hit, false);
  } finally {
    redis.disconnect();
  }
});

test("counts are per tenant, over replicas, with what hits saved", async () => {
  const token = await callers.token({ tenant: "counted", permissions: ["system:monitor"] });
  const key = keyOf("counted");
  await put(key, "v", token);
  await runner.lookup({ key }, { token });
  await runnerOfSecond.lookup({ key }, { token });
  const stats = await eventually(
    async () => {
      const read = await people.getCacheStats({}, { token });
      return read.l2Hits === 1n ? read : undefined;
    },
    { what: "the second replica's counts", timeoutMs: 5_000 },
  );
  assert.deepEqual(
    [stats.l1Hits, stats.l2Hits, stats.misses, stats.stores, stats.savedNanoUsd, stats.l1Entries],
    [1n, 1n, 1n, 1n, 3_000n, 1n],
  );
  const none = await people.getCacheStats(
    {},
    { token: await callers.token({ tenant: "x", permissions: ["system:monitor"] }) },
  );
  assert.deepEqual([none.l1Hits, none.l1Bytes], [0n, 0n]);
});

test("Redis full, frozen, killed or back and empty: lookups and stores never fail, and are never slow for long", async () => {
  const key = keyOf("outage");
  await put(key, "kept");
  const redis = new Redis(environment.redisUrl);
  await redis.config("SET", "maxmemory", "1");
  assert.equal(await put(keyOf("full"), "x"), true, "a full Redis leaves process memory");
  await redis.config("SET", "maxmemory", "256mb");
  redis.disconnect();

  process.kill(environment.redis.pid(), "SIGSTOP");
  try {
    for (let i = 0; i < 12; i++) {
      const startedAtMs = performance.now();
      assert.equal((await runner.lookup({ key: keyOf(`frozen ${i}`) }, { token: acme })).hit, false);
      assert.ok(performance.now() - startedAtMs < 4 * TIMEOUT_MS, "a frozen Redis costs a lookup its timeouts at most");
    }
    assert.equal((await runner.lookup({ key }, { token: acme })).tier, "l1");
  } finally {
    process.kill(environment.redis.pid(), "SIGCONT");
  }

  await environment.redis.kill();
  assert.equal((await runner.lookup({ key }, { token: acme })).tier, "l1");
  assert.equal((await runner.lookup({ key: keyOf("down") }, { token: acme })).hit, false);
  await put(keyOf("down"), "x");
  await assert.rejects(people.invalidateCache({ agent: "drafter" }, { token: acme, timeoutMs: 500 }));

  await environment.redis.restart();
  await eventually(
    async () => {
      await put(keyOf("after"), "again");
      return (await runnerOfSecond.lookup({ key: keyOf("after") }, { token: acme })).tier === "l2";
    },
    { what: "both tiers to work again" },
  );
});
