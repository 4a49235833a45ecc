import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Bus, connectBus, type EmitOptions } from "@agentmesh/bus";
import { eventually, type TestCallers, type TestEnvironment, testCallers, testEnvironment } from "@agentmesh/harness";
import { costContract } from "@agentmesh/proto/cost.contract";
import { UsageRecorded } from "@agentmesh/proto/runner";
import { usageRecordedEvent } from "@agentmesh/proto/runner.contract";
import type { Client } from "@agentmesh/rpc";
import type { Running } from "@agentmesh/service";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { headers } from "@nats-io/transport-node";
import type { CostConfig } from "../src/config.ts";
import { startCost } from "../src/service.ts";

let stack: AsyncDisposableStack;
let environment: TestEnvironment;
let callers: TestCallers;
let runner: Client<typeof costContract>;
let gateway: Client<typeof costContract>;
let replicas: Running[];
let bus: Bus;
let publish: (event: EmitOptions<UsageRecorded>) => Promise<void>;

function config(): CostConfig {
  return {
    environment: "test",
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: environment.natsUrl },
    workload: { keyFile: environment.workloadKeyFile, trustFile: environment.workloadTrustFile },
    log: { level: "error" },
    tracing: { otlpEndpoint: "" },
    postgres: { url: environment.postgresUrl, maxConnections: 5 },
    holds: { ttlMs: 1500, sweepMs: 100 },
    unknownPrice: "refuse",
  };
}

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("cost", { redis: false }));
  callers = stack.use(await testCallers(environment));
  // Two replicas that start together: migrations and budgets must hold over both.
  replicas = await Promise.all([startCost(config()), startCost(config())]);
  for (const replica of replicas) stack.use(replica);
  runner = await callers.client(costContract, replicas[0]?.port ?? 0, "agent-runner");
  gateway = await callers.client(costContract, replicas[1]?.port ?? 0);
  const log = createLogger({ service: "agent-runner", environment: "test", version: "0", level: "error" });
  bus = stack.use(
    await connectBus({ url: environment.natsUrl, service: "agent-runner", log, metrics: createMetrics({}) }),
  );
  publish = async ({ tenant, data, id = data.attemptId }) => {
    const carried = headers();
    const attributes = { specversion: "1.0", id, source: "mesh/agent-runner", type: usageRecordedEvent.type };
    for (const [name, value] of Object.entries(attributes)) carried.set(`ce-${name}`, value);
    await bus.js.publish(`evt.${tenant}.agent-runner.usage.recorded.x`, UsageRecorded.encode(data).finish(), {
      headers: carried,
    });
  };
});

after(() => stack.disposeAsync());

const admin = { permissions: ["system:config", "system:monitor"] };

function charge(tenant: string, extra: Partial<{ subject: string; department: string; project: string }> = {}) {
  return { tenant, subject: "user:u1", department: "", project: "", agent: "classifier", runId: "run-1", ...extra };
}

async function applyBudget(tenant: string, name: string, spec: object): Promise<void> {
  const token = await callers.token({ ...admin, tenant });
  await gateway.applyResource({ kind: "Budget", name, spec }, { token });
}

async function budgetOf(tenant: string, name: string) {
  const token = await callers.token({ ...admin, tenant });
  const { budgets } = await gateway.listBudgetStates({}, { token });
  const found = budgets.find((budget) => budget.name === name);
  assert.ok(found, `budget ${name} of ${tenant}`);
  return found;
}

// 10 000 input and 10 000 output tokens of gpt-4.1 cost 0.02 + 0.08 USD.
const call = { provider: "openai", model: "gpt-4.1", inputTokens: 10_000n, maxOutputTokens: 10_000n };
const CALL_NANO = 100_000_000n;

test("a hold is the worst the call can cost, the same when repeated, and becomes one ledger row at its real cost", async () => {
  await applyBudget("acme", "all", { scope: "total", monthlyUsd: 10 });
  const hold = await runner.hold({ attemptId: "a1", charge: charge("acme"), ...call });
  assert.equal(hold.heldNanoUsd, CALL_NANO);
  assert.deepEqual(await runner.hold({ attemptId: "a1", charge: charge("acme"), ...call }), hold);
  assert.equal((await budgetOf("acme", "all")).heldNanoUsd, CALL_NANO);

  const used = {
    attemptId: "a1",
    charge: charge("acme"),
    provider: "openai",
    model: "gpt-4.1",
    uncachedInputTokens: 10_000n,
  };
  const settled = await runner.settle({ settlements: [{ ...used, outputTokens: 1000n }] });
  assert.deepEqual(settled.costNanoUsd, [28_000_000n]);
  await runner.settle({ settlements: [{ ...used, outputTokens: 9999n }] });
  const state = await budgetOf("acme", "all");
  assert.equal(state.spentNanoUsd, 28_000_000n);
  assert.equal(state.heldNanoUsd, 0n);
  const token = await callers.token(admin);
  const { rows } = await gateway.listLedger({}, { token });
  assert.equal(rows.length, 1);
  assert.equal(rows[0]?.kind, "settled");
  const spend = await gateway.getSpend({ by: ["model", "subject"] }, { token });
  assert.deepEqual(spend.rows[0]?.group, { model: "openai/gpt-4.1", subject: "user:u1" });
  assert.equal(spend.total?.costNanoUsd, 28_000_000n);
});

test("1 000 concurrent holds over two replicas never exceed the budget", async () => {
  await applyBudget("burst", "cap", { scope: "department:eng", monthlyUsd: 1 });
  const second = await callers.client(costContract, replicas[1]?.port ?? 0, "agent-runner");
  const results = await Promise.allSettled(
    Array.from({ length: 1000 }, (_, index) =>
      (index % 2 ? runner : second).hold({
        attemptId: `b${index}`,
        charge: charge("burst", { department: "eng", subject: `user:${index % 7}` }),
        ...call,
        // Not clampable below 16 tokens, so that a grant is a whole call.
        inputTokens: 50_000n,
        maxOutputTokens: 16n,
      }),
    ),
  );
  const granted = results.filter((result) => result.status === "fulfilled");
  const held = granted.reduce((sum, result) => sum + result.value.heldNanoUsd, 0n);
  assert.equal((await budgetOf("burst", "cap")).heldNanoUsd, held);
  assert.ok(held <= 1_000_000_000n, `${held} held of 1 USD`);
  assert.equal(granted.length, 9);
  const [refused] = results.filter((result) => result.status === "rejected");
  assert.equal(refused?.reason.reason, "BUDGET_EXHAUSTED");
  assert.match(refused?.reason.message, /budget cap \(department:eng\) has \$0\.0\d+ left of \$1/);
});

test("the output is clamped to what the headroom buys", async () => {
  await applyBudget("small", "all", { scope: "total", monthlyUsd: 0.05 });
  const hold = await runner.hold({ attemptId: "c1", charge: charge("small"), ...call });
  assert.equal(hold.maxOutputTokens, 3750n);
  assert.equal(hold.heldNanoUsd, 50_000_000n);
});

test("a hold nobody settles becomes one estimated row; a late settlement replaces it and corrects the spend", async () => {
  await applyBudget("orphan", "all", { scope: "total", monthlyUsd: 10 });
  await runner.hold({ attemptId: "o1", charge: charge("orphan"), ...call });
  const token = await callers.token({ ...admin, tenant: "orphan" });
  const rows = () => gateway.listLedger({}, { token }).then((reply) => reply.rows);
  await eventually(async () => (await rows())[0]?.kind === "estimated", { what: "the estimated row" });
  const state = await budgetOf("orphan", "all");
  assert.deepEqual([state.spentNanoUsd, state.heldNanoUsd], [CALL_NANO, 0n]);
  await publish({ tenant: "orphan", data: usage("o1", { outputTokens: 0n }) });
  await eventually(async () => (await rows())[0]?.kind === "settled", { what: "the late settlement" });
  assert.equal((await rows()).length, 1);
  assert.equal((await budgetOf("orphan", "all")).spentNanoUsd, 20_000_000n);
});

test("usage events are settled once however often they come; a cache hit costs nothing and says what it saved", async () => {
  await applyBudget("events", "all", { scope: "total", monthlyUsd: 10 });
  const token = await callers.token({ ...admin, tenant: "events" });
  await publish({ tenant: "events", data: usage("e1", {}) });
  await publish({ tenant: "events", data: usage("e1", {}), id: "another-id" });
  await publish({ tenant: "events", data: usage("e2", { cacheHit: true, savedNanoUsd: 77n }) });
  const total = () => gateway.getSpend({}, { token }).then((reply) => reply.total);
  await eventually(async () => (await total())?.calls === 2n, { what: "two ledger rows" });
  const sum = await total();
  assert.deepEqual([sum?.costNanoUsd, sum?.cacheHits, sum?.savedNanoUsd], [28_000_000n, 1n, 77n]);
});

test("a spent budget is told to the edge", async () => {
  await applyBudget("told", "tiny", { scope: "total", monthlyUsd: 0.000001 });
  await publish({ tenant: "told", data: usage("t1", {}) });
  const kv = await bus.snapshots();
  const state = await eventually(
    async () => {
      const row = (await kv.get("budget_states.told.tiny"))?.json<{ value: { state: string } }>().value;
      return row?.state === "exhausted" ? row : undefined;
    },
    { what: "the budget state in the snapshot" },
  );
  assert.deepEqual(state, { name: "tiny", scope: "total", hard: true, state: "exhausted" });
});

test("bad input is refused: unknown price, missing charge, wrong workload, other tenants see nothing", async () => {
  await assert.rejects(runner.hold({ attemptId: "x", charge: charge("acme"), ...call, model: "gpt-99" }), {
    reason: "UNKNOWN_PRICE",
  });
  await assert.rejects(runner.hold({ attemptId: "x", ...call }), { code: "INVALID_ARGUMENT", field: "charge" });
  const alerting = await callers.client(costContract, replicas[0]?.port ?? 0, "alerting");
  await assert.rejects(alerting.hold({ attemptId: "x", charge: charge("acme"), ...call }), {
    reason: "WORKLOAD_NOT_ALLOWED",
  });
  const token = await callers.token({ ...admin, tenant: "nobody" });
  assert.equal((await gateway.listLedger({}, { token })).rows.length, 0);
  await assert.rejects(gateway.getSpend({ by: ["ledger; DROP TABLE ledger"] }, { token }), { field: "by" });
  await assert.rejects(
    gateway.applyResource(
      { kind: "Budget", name: "x", spec: { scope: "galaxy", monthlyUsd: 1, warn: 0.99 } },
      { token },
    ),
    { message: /scope: expected total, department:NAME.*warn/s },
  );
});

function usage(attemptId: string, extra: Partial<{ outputTokens: bigint; cacheHit: boolean; savedNanoUsd: bigint }>) {
  const { outputTokens = 1000n, ...rest } = extra;
  return UsageRecorded.fromPartial({
    attemptId,
    runId: "run-1",
    agent: "classifier",
    provider: "openai",
    model: "gpt-4.1",
    subject: "user:u1",
    usage: { modelCalls: 1, uncachedInputTokens: 10_000n, outputTokens },
    at: new Date(),
    ...rest,
  });
}
