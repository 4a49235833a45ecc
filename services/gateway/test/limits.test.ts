import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { createLimiter, type Limiter } from "../src/limits/limiter.ts";
import { openRedis } from "../src/redis.ts";
import { asAdmin, startEdge, type TestEdge } from "./edge.ts";

let edge: TestEdge;
before(async () => {
  edge = await startEdge();
});
after(() => edge[Symbol.asyncDispose]());

const log = createLogger({ service: "gateway", environment: "test", version: "0", level: "error" });

async function limiter(stack: AsyncDisposableStack, windowMs = 3_600_000, window: "sliding" | "fixed" = "sliding") {
  const { redis } = stack.use(await openRedis(edge.environment.redisUrl, log));
  return stack.use(createLimiter({ redis, windowMs, window, leaseShare: 0.05, log, metrics: createMetrics({}) }));
}

async function countAllowed(limiters: readonly Limiter[], times: number, keys: [string, number][]): Promise<number> {
  const scopes = keys.map(([key, limit]) => ({ name: key, key: `limit:{t}:${key}`, limit }));
  const results = await Promise.all(
    Array.from({ length: times }, (_, index) => limiters[index % limiters.length]?.take(scopes)),
  );
  return results.filter((state) => state?.allowed).length;
}

test("three replicas together pass exactly the limit, whichever scope is the tightest", async () => {
  await using stack = new AsyncDisposableStack();
  const replicas = [await limiter(stack), await limiter(stack), await limiter(stack)];
  // What a replica holds in advance it spends when the counter says no more: so all are asked again at the end.
  const all = async (times: number, keys: [string, number][]) =>
    (await countAllowed(replicas, times, keys)) + (await countAllowed(replicas, 300, keys));
  assert.equal(
    await all(400, [
      ["user:a", 100],
      ["all", 10_000],
    ]),
    100,
  );
  assert.equal(
    await all(700, [
      ["user:b", 1000],
      ["department:x", 500],
    ]),
    500,
  );
});

test("a fixed window begins anew, a sliding one never lets more than the limit into any span", async () => {
  await using stack = new AsyncDisposableStack();
  const fixed = await limiter(stack, 1_000, "fixed");
  assert.equal(await countAllowed([fixed], 10, [["fixed", 5]]), 5);
  await eventually(async () => (await countAllowed([fixed], 1, [["fixed", 5]])) === 1, { what: "the next window" });
  const sliding = await limiter(stack, 1_200);
  const passedAt: number[] = [];
  const untilMs = Date.now() + 3_000;
  while (Date.now() < untilMs) {
    if ((await countAllowed([sliding], 1, [["sliding", 10]])) === 1) passedAt.push(Date.now());
  }
  assert.ok(passedAt.length >= 20, `${passedAt.length} passed`);
  for (const [index, at] of passedAt.entries()) {
    const eleventh = passedAt[index + 10];
    // The clock is read after the reply, so two readings may be a little closer than the counts.
    if (eleventh !== undefined) assert.ok(eleventh - at >= 1_150, `11 requests within ${eleventh - at} ms`);
  }
});

test("a refusal says which limit, when to come back, and what is left, on both surfaces", async () => {
  const figures = { user: 3, department: 100, tenant: 100, address: 100 };
  const limits = {
    profile: "few",
    window: "sliding",
    windowMs: 3_600_000,
    leaseShare: 0.05,
    profiles: { few: figures },
  } as const;
  await using gateway = await edge.another({ limits });
  edge.fleet.credentials.set("ann", { permissions: [], subject: "user:ann", department: "support" });
  const get = () =>
    fetch(`http://127.0.0.1:${gateway.httpPort}/v1/auth/me`, { headers: { authorization: "Bearer ann" } });
  const first = await get();
  assert.equal(first.headers.get("ratelimit-limit"), "3");
  assert.equal(first.headers.get("ratelimit-remaining"), "2");
  await get();
  await get();
  const refused = await get();
  assert.equal(refused.status, 429);
  assert.match(await refused.text(), /limit of 3 requests per 3600 s for user user:ann.*RATE_LIMITED/);
  assert.ok(Number(refused.headers.get("retry-after")) > 3_000);
  assert.equal(refused.headers.get("ratelimit-remaining"), "0");
});

test("50 clients of three gateways get exactly the limit, also when Redis dies in the middle", async () => {
  const LIMIT = 600;
  const CLIENTS = 50;
  const figures = { user: LIMIT, department: 100_000, tenant: 100_000, address: 100_000 };
  const limits = {
    profile: "l",
    window: "sliding",
    windowMs: 3_600_000,
    leaseShare: 0.05,
    profiles: { l: figures },
  } as const;
  await using stack = new AsyncDisposableStack();
  const gateways = [0, 1, 2].map(async () => stack.use(await edge.another({ limits })));
  const ports = (await Promise.all(gateways)).map(({ httpPort }) => httpPort);
  const passedOf = async (user: string, during: (passed: number) => void = () => undefined) => {
    edge.fleet.credentials.set(user, { permissions: [], subject: `user:${user}` });
    let passed = 0;
    const client = async (_: unknown, at: number) => {
      for (let asked = 0; asked < 30; asked++) {
        const url = `http://127.0.0.1:${ports[(at + asked) % 3]}/v1/auth/me`;
        const { status } = await fetch(url, { headers: { authorization: `Bearer ${user}` } });
        assert.ok([200, 429, 503].includes(status), `${status}`);
        if (status === 200) during(++passed);
      }
    };
    await Promise.all(Array.from({ length: CLIENTS }, client));
    return passed;
  };
  assert.equal(await passedOf("fifty"), LIMIT);

  let stopping: Promise<void> | undefined;
  const withoutRedis = await passedOf("cut", (passed) => {
    if (passed === 200) stopping = edge.environment.redis.stop();
  });
  await stopping;
  await edge.environment.redis.restart();
  assert.ok(withoutRedis >= 200 && withoutRedis <= LIMIT, `${withoutRedis} of ${LIMIT}`);
});

test("while Redis is down a replica lives on its lease, no longer, and never above the limit", async () => {
  await using stack = new AsyncDisposableStack();
  const replicas = [await limiter(stack), await limiter(stack)];
  const before = await countAllowed(replicas, 20, [["lease", 100]]);
  await edge.environment.redis.stop();
  const down = await Promise.all(
    replicas.map(async (replica) => {
      let passed = 0;
      for (;;) {
        const state = await replica
          .take([{ name: "lease", key: "limit:{t}:lease", limit: 100 }])
          .catch(() => undefined);
        if (!state?.allowed) return passed;
        passed += 1;
      }
    }),
  );
  assert.equal(before, 20);
  assert.deepEqual(down, [5, 5]);
  // The whole gateway goes on as well, for callers it holds a lease for.
  await edge.environment.redis.restart();
  await eventually(async () => (await edge.http("/v1/auth/me", { headers: asAdmin() })).status === 200, {
    what: "Redis",
  });
  await edge.environment.redis.stop();
  assert.equal((await edge.http("/v1/auth/me", { headers: asAdmin() })).status, 200);
  await edge.environment.redis.restart();
});
