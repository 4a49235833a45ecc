import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { AgentRun } from "@agentmesh/proto/runner";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger, createMetrics } from "@agentmesh/telemetry";
import { configSchema } from "../src/config.ts";
import { runnerMetrics } from "../src/metrics.ts";
import { forgetOld } from "../src/start-retention.ts";
import { insertLiveRun } from "../src/store/live-runs.ts";
import { storeFacts } from "../src/store/memory.ts";
import { insertIntents } from "../src/store/model-call-intents.ts";
import { upsertRating } from "../src/store/ratings.ts";
import { insertRun } from "../src/store/runs.ts";
import { insertTurn, takeTicket } from "../src/store/sessions.ts";

// What is forgotten for its age, and what is not, on a real PostgreSQL.
const DAY_MS = 24 * 3_600_000;
const now = new Date();
const daysAgo = (days: number) => new Date(now.getTime() - days * DAY_MS);
const log = createLogger({ service: "agent-runner", environment: "test", version: "0", level: "error" });
const metrics = createMetrics({});
let stack: AsyncDisposableStack;
let db: Database;

before(async () => {
  stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("agent-runner", { nats: false, redis: false }));
  const migrations = [
    busMigrations,
    resourceMigrations,
    { name: "agent-runner", folder: new URL("../migrations/", import.meta.url) },
  ];
  const { postgresUrl: url } = environment;
  db = stack.use(await openDatabase({ url, schema: "agent_runner", migrations, log, maxConnections: 4 }));
});

after(() => stack.disposeAsync());

/** Tenant "brief" has a data policy that lets nothing be kept for more than ten days. */
function forget(): Promise<void> {
  const config = configSchema.parse({
    listen: { host: "127.0.0.1", grpcPort: 0, adminPort: 0 },
    nats: { url: "nats://unused" },
    workload: { keyFile: "unused", trustFile: "unused" },
    log: {},
    tracing: {},
    postgres: { url: "postgres://unused" },
    peers: { auth: "a:1", cache: "a:1", cost: "a:1", orchestrator: "a:1" },
  });
  const policies = {
    policyOf: assert.fail,
    heard: async () => undefined,
    keepDaysOf: (tenant: string) => (tenant === "brief" ? 10 : undefined),
    [Symbol.asyncDispose]: async () => undefined,
  };
  return forgetOld({ db, config, policies, measured: runnerMetrics(metrics), log }, now);
}

// Ids are drawn in the order of their time, or they would all have the latest.
async function store(tenant: string, days: number): Promise<string> {
  const at = daysAgo(days);
  const id = `${at
    .getTime()
    .toString(16)
    .padStart(12, "0")
    .replace(/^(.{8})/, "$1-")}${newId().slice(13)}`;
  await insertRun(db, AgentRun.fromPartial({ id, tenant, agent: "a", startedAt: at, endedAt: at }), "");
  await upsertRating(db, { tenant, runId: id, subject: "user:ada", score: 1, comment: "", at });
  return id;
}

async function all(sql: string): Promise<unknown[]> {
  const { rows } = await db.query<{ it: unknown }>(sql);
  return rows.map(({ it }) => it);
}

test("runs and their ratings go after 90 days, or after what a tenant's policies allow; younger ones stay", async () => {
  await store("acme", 400);
  await store("acme", 91);
  const kept = await store("acme", 89);
  await store("brief", 11);
  const own = await store("brief", 9);
  await forget();
  assert.deepEqual(await all("SELECT id AS it FROM agent_run ORDER BY tenant"), [kept, own]);
  assert.deepEqual(await all("SELECT run_id AS it FROM agent_run_rating ORDER BY tenant"), [kept, own]);
});

test("more than one batch goes in one round, and two replicas at once do not fail each other", async () => {
  await db.query(
    `INSERT INTO agent_run (tenant, id, agent, state, ended_at, record)
     SELECT 'many', ('00000000-' || lpad(to_hex(n), 4, '0') || '-7000-8000-000000000000')::uuid, 'a', 's', now(), ''
       FROM generate_series(1, 3500) n`,
  );
  await Promise.all([forget(), forget()]);
  await forget();
  assert.deepEqual(await all("SELECT count(*)::int AS it FROM agent_run WHERE tenant = 'many'"), [0]);
  assert.match(await metrics.render(), /agentmesh_retention_deleted_total\{kind="run"\} 3503/);
});

test("sessions nobody used for a year go with their turns, unless a run is in one; facts likewise", async () => {
  const key = (session: string, tenant = "acme") => ({ tenant, agent: "a", subject: "user:ada", session });
  const run = { turn: 1, run_id: newId(), input: "hi", answer: "hello", at: now };
  for (const [session, days] of [
    ["old", 366],
    ["busy", 366],
    ["young", 364],
  ] as const) {
    await db.transaction((tx) => takeTicket(tx, key(session)));
    await insertTurn(db, key(session), run);
    await db.query("UPDATE agent_session SET updated_at = $1 WHERE session = $2", [daysAgo(days), session]);
  }
  const live = { tenant: "acme", id: newId(), agent: "a", subject: "user:ada", department: "", project: "", epoch: 1 };
  const place = { session: "busy", session_subject: "user:ada", ticket: 1n, request: Buffer.alloc(0), request_id: "" };
  const state = { had_effect: false, cancelled: false, started_at: now, deadline_at: now };
  await insertLiveRun(db, newId(), { ...live, ...place, ...state });
  for (const [hash, days] of [
    ["old", 366],
    ["young", 364],
  ] as const) {
    const facts = [{ hash, fact: hash }];
    await storeFacts(db, key(""), facts, { id: newId(), at: daysAgo(days), keep: 500 });
  }
  const intent = { tenant: "acme", agent: "", epoch: 1, provider: "p", model: "m", input_tokens: 1, usage: null };
  await insertIntents(db, [
    { ...intent, attempt_id: "lost", run_id: newId(), at: daysAgo(2) },
    { ...intent, attempt_id: "under way", run_id: live.id, at: daysAgo(2) },
    { ...intent, attempt_id: "new", run_id: newId(), at: now },
  ]);
  await forget();
  assert.deepEqual(await all("SELECT session AS it FROM agent_session ORDER BY 1"), ["busy", "young"]);
  assert.deepEqual(await all("SELECT session AS it FROM agent_session_turn ORDER BY 1"), ["busy", "young"]);
  assert.deepEqual(await all("SELECT hash AS it FROM agent_memory"), ["young"]);
  assert.deepEqual(await all("SELECT attempt_id AS it FROM model_call_intent ORDER BY 1"), ["new", "under way"]);
});
