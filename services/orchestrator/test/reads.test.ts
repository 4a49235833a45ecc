// What statements read of tables that grow with one run or with all events, also where the planner never counted them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { eventually, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { type Database, openDatabase, type Queryable } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger } from "@agentmesh/telemetry";
import { claimSteps, renewLeases } from "../src/store/claims.ts";
import { matchUnsettled, type StoredWait, storeArrived, storeWaits } from "../src/store/event-waits.ts";
import { createUndoOrder } from "../src/store/undo-order.ts";

const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
const migrations = [
  busMigrations,
  resourceMigrations,
  { name: "orchestrator", folder: new URL("../migrations/", import.meta.url) },
];
const ITEMS = 5_000;
// From then on a plan may be one that knows no values.
const EXECUTIONS = 8;

let db: Database;
let other: Database;
let run: string;
const stack = new AsyncDisposableStack();

before(async () => {
  const env = stack.use(await testEnvironment("orchestrator", { redis: false, nats: false }));
  // One connection, so that its plans are kept.
  const open = () => openDatabase({ url: env.postgresUrl, schema: "orchestrator", migrations, log, maxConnections: 1 });
  db = stack.use(await open());
  other = stack.use(await open());
  for (const table of ["run", "step", "arrived_event", "event_wait"])
    await db.query(`ALTER TABLE ${table} SET (autovacuum_enabled = false)`);
  await storeMap("succeeded", 1_000);
  await planEarly();
  run = await storeMap("dispatched", ITEMS);
});
after(() => stack.disposeAsync());

/** A run with a map whose items are all in one state. */
async function storeMap(state: string, items: number): Promise<string> {
  const id = newId();
  await db.query(
    `INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline,
       light) VALUES ($1, 'acme', 'w', 1, 'running', 5, 's', 'o', 2, '{}', now(), now() + interval '1 hour', true)`,
    [id],
  );
  await db.query(
    `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
       deadline, worker, input, output, cost_nano_usd, done_seq)
     SELECT $1, 'each', n, $2, 1, 1, 1, 0, 0, false, 5, now(), '', '{}', to_json(n), 0, n FROM generate_series(1, $3) AS n`,
    [id, state, items],
  );
  return id;
}

/** Rows of a table that something reads, at most, over several executions. */
async function rowsRead(table: string, act: (tx: Queryable, execution: number) => Promise<unknown>): Promise<number> {
  const found: number[] = [];
  for (let execution = 0; execution < EXECUTIONS; execution++) {
    await db.transaction(async (tx) => {
      const before = await readSoFar(tx, table);
      await act(tx, execution);
      found.push((await readSoFar(tx, table)) - before);
    });
  }
  return Math.max(...found);
}

async function readSoFar(tx: Queryable, table: string): Promise<number> {
  const { rows } = await tx.query<{ read: number }>(
    `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::float8 AS read FROM pg_stat_xact_user_tables
     WHERE relname = $1`,
    [table],
  );
  return rows[0]?.read ?? 0;
}

/** A statement's plan is made, and kept, when its tables were small and nobody had counted them. */
async function planEarly(): Promise<void> {
  const nobody = { runId: newId(), node: "each", shard: 1, epoch: 1, worker: "w" };
  for (let execution = 0; execution < EXECUTIONS; execution++) {
    await claimSteps(db, [nobody], 30_000);
    await renewLeases(db, "w", [nobody], 30_000);
  }
}

test("a claim and a heartbeat read the steps that they name, however many their run has", async () => {
  const steps = (execution: number) =>
    [1, 2, 3].map((nth) => ({ runId: run, node: "each", shard: execution * 3 + nth, epoch: 1, worker: "w" }));
  const claimed = await rowsRead("step", async (tx, execution) => {
    assert.equal((await claimSteps(tx, steps(execution), 30_000)).length, 3);
  });
  assert.ok(claimed <= 12, `a claim of three steps read ${claimed} rows`);
  const renewed = await rowsRead("step", async (tx, execution) => {
    assert.equal((await renewLeases(tx, "w", steps(execution), 30_000)).size, 3);
  });
  assert.ok(renewed <= 12, `a heartbeat of three steps read ${renewed} rows`);
});

test("the items of a map are undone from the last done back, and finding the next reads few of the others", async () => {
  const id = await storeMap("succeeded", 1_200);
  await db.query("UPDATE step SET done_seq = (shard * 7919) % 1201 WHERE run = $1", [id]);
  await db.query("UPDATE step SET state = 'in_doubt', live = true WHERE run = $1 AND shard IN (3, 900)", [id]);
  const { rows } = await db.query<{ shard: number }>(
    "SELECT shard FROM step WHERE run = $1 ORDER BY state <> 'succeeded' DESC, done_seq DESC, shard DESC",
    [id],
  );
  // As two replicas of which either may take the next.
  const replicas = [createUndoOrder(), createUndoOrder()];
  const begun: number[] = [];
  let read = 0;
  for (let nth = 0; ; nth++) {
    const order = replicas[Math.floor(nth / 7) % 2] ?? createUndoOrder();
    const next = await db.transaction(async (tx) => {
      const before = await readSoFar(tx, "step");
      const [step] = (await order.next(tx, id, ["each"], true)).values();
      read += (await readSoFar(tx, "step")) - before;
      if (step) await beginUndo(tx, id, step.shard);
      return step;
    });
    if (!next) break;
    assert.equal(next.output, next.shard);
    begun.push(next.shard);
  }
  assert.deepEqual(
    begun,
    rows.map((row) => row.shard),
  );
  assert.ok(read < 1_200 * 40, `${read} rows read for 1 200 items`);
});

async function beginUndo(tx: Queryable, id: string, shard: number): Promise<void> {
  await tx.query(
    `INSERT INTO step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, priority,
       deadline, worker, input, cost_nano_usd)
     VALUES ($1, 'each~undo', $2, 'succeeded', 1, 1, 1, 0, 0, false, 5, now(), '', '{}', 0)`,
    [id, shard],
  );
}

function waitFor(key: string): StoredWait {
  const since = new Date(Date.now() - 60_000);
  return { run: newId(), node: "w", shard: 0, tenant: "acme", publisher: "shop", type: "paid", match: "", key, since };
}

function arrived(key: string, eventId = key) {
  return { tenant: "acme", publisher: "shop", type: "paid", match: "", key, eventId, data: "1", at: new Date() };
}

async function signalled(run: string): Promise<number> {
  const { rows } = await db.query("SELECT 1 FROM run_signal WHERE run = $1", [run]);
  return rows.length;
}

test("looking for the events of waits reads neither the events that came nor the waits that are settled", async () => {
  for (let round = 0; round < EXECUTIONS; round++) await db.transaction(matchUnsettled);
  const waits = Array.from({ length: 2_500 }, (_, nth) => waitFor(`nobody-${nth}`));
  await storeWaits(db, waits);
  await storeArrived(
    db,
    Array.from({ length: 5_000 }, (_, nth) => arrived("many", String(nth))),
  );
  // Each wait is looked at twice, some at a time, and again while somebody else's transaction is open on this server.
  await eventually(
    async () => {
      await db.transaction(matchUnsettled);
      return (await db.query("SELECT 1 FROM event_wait WHERE NOT settled LIMIT 1")).rows.length === 0;
    },
    { what: "all waits to be settled" },
  );
  assert.equal(await rowsRead("arrived_event", matchUnsettled), 0);
  assert.ok((await rowsRead("event_wait", matchUnsettled)) <= 1);
  const one = waitFor("many");
  assert.equal(await storeWaits(db, [one]), 1, "the first of 5 000 is enough");
  await storeWaits(db, [waitFor("nobody")]);
  const read = await rowsRead("event_wait", matchUnsettled);
  assert.ok(read <= 4, `${read} rows read for one new wait`);
});

test("a wait and an event of transactions that did not see each other meet, however long one of them takes", async () => {
  const wait = waitFor("unseen");
  await other.transaction(async (late) => {
    await storeArrived(late, [arrived("unseen")]);
    assert.equal(await storeWaits(db, [wait]), 0);
    for (let round = 0; round < 5; round++) assert.equal(await db.transaction(matchUnsettled), 0);
  });
  assert.equal(await db.transaction(matchUnsettled), 1);
  assert.equal(await signalled(wait.run), 1);
  const later = waitFor("unseen-2");
  await other.transaction(async (late) => {
    await storeWaits(late, [later]);
    assert.equal(await storeArrived(db, [arrived("unseen-2")]), 0);
    for (let round = 0; round < 5; round++) await db.transaction(matchUnsettled);
  });
  assert.equal(await db.transaction(matchUnsettled), 1);
  assert.equal(await signalled(later.run), 1);
});
