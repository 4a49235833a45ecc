// What is old goes: runs to the archive, events by weeks, and all that only runs needed.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { testEnvironment } from "@agentmesh/harness";
import { newId, sha256Hex } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger } from "@agentmesh/telemetry";
import pg from "pg";
import { retain } from "../src/engine/retention.ts";
import {
  archiveRuns,
  deleteArchived,
  deleteArrived,
  deleteRejections,
  firstIdAt,
  readArchived,
} from "../src/store/archive.ts";
import { declareMatches, deleteMatches, listMatches } from "../src/store/event-matches.ts";
import { keepPartitions } from "../src/store/event-partitions.ts";
import { storeWaits } from "../src/store/event-waits.ts";
import { readEvents } from "../src/store/run-events.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
const migrations = [
  busMigrations,
  resourceMigrations,
  { name: "orchestrator", folder: new URL("../migrations/", import.meta.url) },
];
const DAY_MS = 24 * 3600 * 1000;

let db: Database;
const stack = new AsyncDisposableStack();

before(async () => {
  const env = stack.use(await testEnvironment("orchestrator", { redis: false, nats: false }));
  db = stack.use(await openDatabase({ url: env.postgresUrl, schema: "orchestrator", migrations, log }));
});
after(() => stack.disposeAsync());

function daysAgo(days: number): Date {
  return new Date(Date.now() - days * DAY_MS);
}

/** `newId` never goes back in time. */
function idAt(at: Date): string {
  return `${firstIdAt(at).slice(0, -12)}${randomBytes(6).toString("hex")}`;
}

async function store(days: number, state = "succeeded"): Promise<string> {
  const at = daysAgo(days);
  const id = idAt(at);
  const ended = state === "running" ? null : at;
  await db.query(
    `INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline,
       ended_at, failure, cost_nano_usd)
     VALUES ($1, 'acme', 'w', 3, $2, 5, 's', 'o', 2, '{}', $3, $3, $4, '{"code":"INTERNAL","message":"m"}', 12)`,
    [id, state, at, ended],
  );
  await db.query(
    `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
       deadline, worker, input, cost_nano_usd) VALUES ($1, 'a', 0, $2, 1, 1, 1, 0, 0, false, 5, now(), '', '{}', 12)`,
    [id, state],
  );
  await db.query("INSERT INTO run_event (run, seq, at, events) VALUES ($1, 2, $2, $3)", [
    id,
    at,
    JSON.stringify([
      { type: "run.started", node: "", data: {} },
      { type: `run.${state}`, node: "", data: {} },
    ]),
  ]);
  return id;
}

async function count(table: string): Promise<number> {
  const { rows } = await db.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${table}`);
  return rows[0]?.count ?? 0;
}

test("finished runs are archived in batches; what still runs stays, however old", async () => {
  const old = [await store(50), await store(45, "failed"), await store(40)];
  const running = await store(60, "running");
  const young = await store(3);
  const archive = () => db.transaction((tx) => archiveRuns(tx, daysAgo(30), 2));
  assert.deepEqual([await archive(), await archive(), await archive()], [2, 1, 0]);
  assert.deepEqual([await count("run"), await count("step"), await count("run_archive")], [2, 2, 3]);
  const archived = await readArchived(db, "acme", old[1] ?? "");
  assert.deepEqual(
    [archived?.state.phase, archived?.head.version, archived?.state.costNanoUsd, archived?.state.failure?.code],
    ["failed", 3, 12n, "INTERNAL"],
  );
  assert.equal(await readArchived(db, "other", old[1] ?? ""), undefined);
  assert.equal(await deleteArchived(db, daysAgo(42), 500), 2);
  assert.deepEqual(
    (await db.query<{ id: string }>("SELECT id FROM run ORDER BY id")).rows.map((row) => row.id),
    [running, young],
  );
});

test("events are in weeks: made ahead, dropped behind, and read across them", async () => {
  const id = await store(2);
  const kept = await readEvents(db, id, 1);
  assert.deepEqual(
    kept.events.map((event) => [event.seq, event.type]),
    [[2, "run.succeeded"]],
    "a cursor inside an advance takes the rest of it",
  );
  const keep = (now: Date, before: Date) => db.transaction((tx) => keepPartitions(tx, now, before));
  assert.deepEqual(await keep(new Date(), daysAgo(30)), { made: [], dropped: [] });
  const later = new Date(Date.now() + 40 * DAY_MS);
  const { made, dropped } = await keep(later, new Date(Date.now() + 8 * DAY_MS));
  assert.ok(made.length >= 2, `made ${made}`);
  assert.ok(dropped.length >= 2, `dropped ${dropped}`);
  assert.ok(made.every((name) => /^run_event_\d{8}$/.test(name)));
  assert.deepEqual((await readEvents(db, id, 0)).events, []);
  const again = await keep(later, new Date(Date.now() + 8 * DAY_MS));
  assert.deepEqual(again, { made: [], dropped: [] });
});

test("rejections and events that nobody waited for go after their time", async () => {
  for (const days of [40, 1]) {
    await db.query(
      `INSERT INTO rejection (id, tenant, trigger, delivery, subject, event_id, code, message, at)
       VALUES ($1, 'acme', 't', $2, 's', 'e', 'TOO_LARGE', 'm', $3)`,
      [idAt(daysAgo(days)), String(days), daysAgo(days)],
    );
    await db.query(
      `INSERT INTO arrived_event (tenant, publisher, type, match, key, event_id, data, at, stored_at)
       VALUES ('acme', 'p', 't', '', '', $1, '{}', now(), $2)`,
      [String(days), daysAgo(days)],
    );
  }
  assert.equal(await deleteRejections(db, daysAgo(30), 500), 1);
  assert.equal(await deleteArrived(db, daysAgo(7), 500), 1);
  assert.deepEqual([await count("rejection"), await count("arrived_event")], [1, 1]);
});

test("kinds of events that nobody waits for any more go; those of a workflow, a run or a step stay", async () => {
  const spec = (...types: string[]) => ({
    steps: types.map((type) => ({ id: type, kind: "wait", event: { type, publisher: "shop" } })),
  });
  const apply = async (name: string, version: number, deleted: boolean, ...types: string[]) => {
    const row = ["acme", name, version, JSON.stringify(spec(...types)), deleted];
    const columns = "(tenant, kind, name, version, labels, spec, hash, deleted, applied_at, applied_by)";
    const values = "($1, 'Workflow', $2, $3, '{}', $4, '', $5, now(), '')";
    await db.query(`INSERT INTO resource_version ${columns} VALUES ${values}`, row);
    await db.query(
      `INSERT INTO resource ${columns} VALUES ${values}
       ON CONFLICT (tenant, kind, name) DO UPDATE SET version = $3, spec = $4, deleted = $5`,
      row,
    );
  };
  await apply("w", 3, false, "of-a-run", "formerly");
  await apply("w", 4, false, "of-a-workflow");
  await apply("gone", 1, true, "of-a-deleted");
  const run = await store(60, "running");
  const types = ["of-a-run", "formerly", "of-a-workflow", "of-a-deleted", "of-a-step", "of-nobody"];
  const kinds = types.map((type) => ({ tenant: "acme", publisher: "shop", type, match: "" }));
  await db.transaction((tx) => declareMatches(tx, kinds));
  const step = { tenant: "acme", publisher: "shop", type: "of-a-step", match: "", key: "", since: new Date() };
  await storeWaits(db, [{ ...step, run, node: "s", shard: 0 }]);
  const look = () => db.transaction((tx) => deleteMatches(tx, 3));
  assert.deepEqual(await look(), { looked: 0, gone: [] }, "what was declared just now is not looked at");
  const allDue = () => db.query("UPDATE event_match SET look_at = now() - interval '1 second'");
  await allDue();
  const gone = [...(await look()).gone, ...(await look()).gone].map(({ type }) => type);
  assert.deepEqual(gone.toSorted(), ["of-a-deleted", "of-nobody"]);
  assert.deepEqual(await look(), { looked: 0, gone: [] }, "what is needed is looked at an hour later");
  await db.query("UPDATE run SET state = 'succeeded', ended_at = now() WHERE state = 'running'");
  await allDue();
  const later = [...(await look()).gone, ...(await look()).gone].map(({ type }) => type);
  assert.deepEqual(later.toSorted(), ["formerly", "of-a-run"]);
  await db.transaction((tx) => declareMatches(tx, kinds.slice(0, 1)));
  const left = (await listMatches(db)).map(({ type }) => type);
  assert.deepEqual(left.toSorted(), ["of-a-run", "of-a-step", "of-a-workflow"]);
});

test("rows of the version before survive the migrations: runs, queued steps and events", async () => {
  await using env = await testEnvironment("orchestrator", { redis: false, nats: false });
  const client = new pg.Client({ connectionString: env.postgresUrl, options: "-c search_path=orchestrator" });
  await client.connect();
  client.on("error", () => undefined);
  const first = await readFile(new URL("../migrations/0001-runs.sql", import.meta.url), "utf8");
  await client.query(first);
  await client.query(`CREATE TABLE schema_migration (source text, name text, hash text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, name))`);
  await client.query("INSERT INTO schema_migration (source, name, hash) VALUES ('orchestrator', '0001-runs.sql', $1)", [
    sha256Hex(first),
  ]);
  const id = newId();
  await client.query(
    `INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline)
     VALUES ($1, 'acme', 'w', 1, 'running', 5, 's', 'o', 2, '{}', now(), now())`,
    [id],
  );
  await client.query(
    `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
       deadline, worker, ready_at, input, cost_nano_usd)
     VALUES ($1, 'a', 0, 'ready', 0, 0, 1, 0, 0, true, 5, now(), '', now(), '{}', 0)`,
    [id],
  );
  for (const [seq, days] of [
    [1, 200],
    [2, 1],
  ]) {
    await client.query(
      `INSERT INTO run_event (run, seq, at, events) VALUES ($1, $2, now() - $3::int * interval '1 day',
         '[{"type":"run.started","node":"","data":{}}]')`,
      [id, seq, days],
    );
  }
  await client.end();
  await using migrated = await openDatabase({ url: env.postgresUrl, schema: "orchestrator", migrations, log });
  const { rows } = await migrated.query<{ tenant: string; bucket: number; seqs: number[] }>(
    `SELECT s.tenant, s.bucket, (SELECT json_agg(seq ORDER BY seq) FROM run_event WHERE run = s.run) AS seqs FROM step s`,
  );
  const [step] = rows;
  assert.deepEqual([step?.tenant, step?.seqs], ["acme", [1, 2]]);
  assert.ok((step?.bucket ?? 0) > 50_000_000);
});

test("a round of retention by a policy leaves what is young and repeats without harm", async () => {
  const old = await store(31);
  const young = await store(5);
  const policy = { eventDays: 30, runDays: 30, archiveDays: 365, rejectionDays: 30, arrivedDays: 7, everyMs: 1000 };
  for (let round = 0; round < 2; round++) await retain(db, policy, new Date());
  const { rows } = await db.query<{ id: string }>("SELECT id FROM run WHERE id = ANY($1::uuid[])", [[old, young]]);
  assert.deepEqual(
    rows.map((row) => row.id),
    [young],
  );
  assert.equal((await readArchived(db, "acme", old))?.state.phase, "succeeded");
  await retain(db, policy, new Date(Date.now() + 100 * DAY_MS));
  assert.equal((await readArchived(db, "acme", young))?.state.id, young);
  // Long after, also what is archived goes.
  await retain(db, policy, new Date(Date.now() + 400 * DAY_MS));
  assert.equal(await count("run_archive"), 0);
});

test("a week whose events came before it was made is made with them", async () => {
  const later = new Date(Date.now() + 100 * DAY_MS);
  const id = idAt(later);
  await db.query("INSERT INTO run_event (run, seq, at, events) VALUES ($1, 1, $2, '[]')", [id, later]);
  assert.equal(await count("run_event_other"), 1);
  const { made } = await db.transaction((tx) => keepPartitions(tx, later, daysAgo(30)));
  assert.equal(made.length, 3);
  assert.equal(await count("run_event_other"), 0);
  const { rows } = await db.query("SELECT 1 FROM run_event WHERE run = $1", [id]);
  assert.equal(rows.length, 1);
});
