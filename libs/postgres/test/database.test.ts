import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { AppError } from "@agentmesh/errors";
import { eventually, freePort, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { type Database, isUniqueViolation, type Transaction } from "../src/index.ts";
import { breakableLink } from "./breakable-link.ts";
import { migrationFolder, open } from "./open.ts";

let environment: TestEnvironment;
let db: Database;

before(async () => {
  environment = await testEnvironment("cost", { nats: false, redis: false });
  const folder = migrationFolder(environment, {
    "0001-account.sql": "CREATE TABLE account (id int PRIMARY KEY, balance int8 NOT NULL, note jsonb, at timestamptz)",
  });
  db = await open(environment, { migrations: [{ name: "test", folder }] });
});
after(async () => {
  await db[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

async function balanceOf(id: number): Promise<bigint | undefined> {
  return (await db.query<{ balance: bigint }>("SELECT balance FROM account WHERE id = $1", [id])).rows[0]?.balance;
}

test("arrays arrive as they were sent, whatever their strings hold", async () => {
  const texts = [
    "",
    "NULL",
    "null",
    " a ",
    "{x,y}",
    'a"b',
    "a\\b",
    "\\n",
    "\n\t\u0001",
    "ü€😀",
    "'",
    "x".repeat(5_000),
    null,
  ];
  const pieces = ['"', "\\", ",", "{", "}", "\n", "\u007f", "é", "😀", "NULL", " ", "a"];
  for (let at = 0; at < 300; at++)
    texts.push(Array.from({ length: at % 7 }, (_, i) => pieces[(at * 7 + i * at) % 12]).join(""));
  const json = texts.map((text) => JSON.stringify({ text }));
  const values = [texts, json, [1, 2.5, null], [true, false], [9_007_199_254_740_993n]];
  const { rows } = await db.query(
    "SELECT $1::text[] AS texts, $2::json[] AS json, $3::float8[] AS numbers, $4::boolean[] AS yes, $5::int8[]::text AS big",
    values,
  );
  const expected = { texts, json: texts.map((text) => ({ text })), numbers: [1, 2.5, null], yes: [true, false] };
  assert.deepEqual(rows, [{ ...expected, big: "{9007199254740993}" }]);
});

test("what waits for the end of a transaction hears whether it committed", async () => {
  const heard: string[] = [];
  const work = (name: string, error?: Error) =>
    db.transaction(async (tx) => {
      tx.afterCommit(() => heard.push(`${name} committed`));
      tx.afterRollback(() => heard.push(`${name} rolled back`));
      if (error) throw error;
    });
  await work("one");
  await assert.rejects(work("two", new Error("no")), /no/);
  assert.deepEqual(heard, ["one committed", "two rolled back"]);
});

test("int8 is a bigint, jsonb a value, timestamptz a Date", async () => {
  const at = new Date("2026-11-20T10:00:00.123Z");
  await db.query("INSERT INTO account VALUES ($1, $2, $3, $4)", [
    1,
    9_007_199_254_740_993n,
    JSON.stringify({ a: 1 }),
    at,
  ]);
  const { rows } = await db.query("SELECT balance, note, at FROM account WHERE id = $1", [1]);
  assert.deepEqual(rows, [{ balance: 9_007_199_254_740_993n, note: { a: 1 }, at }]);
});

test("what throws out of a transaction is rolled back, and its hooks do not run", async () => {
  let hooked = 0;
  const failure = new AppError("CONFLICT", "no");
  await assert.rejects(
    db.transaction(async (tx) => {
      tx.afterCommit(() => hooked++);
      await tx.query("INSERT INTO account VALUES ($1, 0)", [2]);
      throw failure;
    }),
    (error) => error === failure,
  );
  assert.equal(await balanceOf(2), undefined);
  assert.equal(hooked, 0);
});

test("hooks run once, after the commit; one that throws does not undo what is committed", async () => {
  const seen: unknown[] = [];
  await db.transaction(async (tx) => {
    tx.afterCommit(() => {
      throw new Error("a hint was lost");
    });
    tx.afterCommit(() => seen.push(balanceOf(3)));
    await tx.query("INSERT INTO account VALUES ($1, 3)", [3]);
    assert.equal(seen.length, 0);
  });
  assert.deepEqual(await Promise.all(seen), [3n]);
});

/** Locks two rows in opposite orders, so that one of the two transactions is refused by the server. */
function crossing(first: number, second: number, meet: Promise<unknown>, entered: () => void, tries: string[]) {
  return db.transaction(async (tx) => {
    tries.push(`${first}${second}`);
    await tx.query("UPDATE account SET balance = balance + 1 WHERE id = $1", [first]);
    entered();
    await meet;
    await tx.query("UPDATE account SET balance = balance + 1 WHERE id = $1", [second]);
  });
}

test("a deadlock is tried again until both have committed", async () => {
  await db.query("INSERT INTO account VALUES (10, 0), (11, 0)");
  const a = Promise.withResolvers<void>();
  const b = Promise.withResolvers<void>();
  const meet = Promise.all([a.promise, b.promise]);
  const tries: string[] = [];
  await Promise.all([crossing(10, 11, meet, a.resolve, tries), crossing(11, 10, meet, b.resolve, tries)]);
  assert.equal(tries.length, 3);
  assert.deepEqual([await balanceOf(10), await balanceOf(11)], [2n, 2n]);
});

test("a serialization failure is tried again, and after the last try it is thrown", async () => {
  await db.query("INSERT INTO account VALUES (20, 0)");
  let tries = 0;
  async function conflicting(tx: Transaction, until: number): Promise<void> {
    tries += 1;
    await tx.query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE");
    await tx.query("SELECT balance FROM account WHERE id = 20");
    if (tries < until) await db.query("UPDATE account SET balance = balance + 10 WHERE id = 20");
    await tx.query("UPDATE account SET balance = balance + 1 WHERE id = 20");
  }
  await db.transaction((tx) => conflicting(tx, 3));
  assert.equal(tries, 3);
  assert.equal(await balanceOf(20), 21n);
  tries = 0;
  await assert.rejects(
    db.transaction((tx) => conflicting(tx, Number.POSITIVE_INFINITY)),
    { code: "40001" },
  );
  assert.equal(tries, 5);
});

test("a unique violation is told apart by its constraint and is not tried again", async () => {
  let tries = 0;
  const twice = db.transaction(async (tx) => {
    tries += 1;
    await tx.query("INSERT INTO account VALUES (30, 0)");
    await tx.query("INSERT INTO account VALUES (30, 0)");
  });
  await assert.rejects(
    twice,
    (error) => isUniqueViolation(error, "account_pkey") && !isUniqueViolation(error, "another"),
  );
  assert.equal(tries, 1);
});

test("a table that changes under prepared statements is read on, as in a rolling deploy", async () => {
  await using replica = await open(environment, { maxConnections: 2 });
  await db.query("CREATE TABLE widening (id int)");
  const read = (tx: Pick<Database, "query">) => tx.query("SELECT * FROM widening WHERE id > $1", [0]);
  const both = () => Promise.all([replica.transaction(read), replica.transaction(read)]);
  await both();
  await db.query("ALTER TABLE widening ADD COLUMN name text");
  await db.query("INSERT INTO widening VALUES (1, 'new')");
  for (const { rows } of await both()) assert.deepEqual(rows, [{ id: 1, name: "new" }]);
  await db.query("ALTER TABLE widening ADD COLUMN more text");
  assert.deepEqual((await read(replica)).rows, [{ id: 1, name: "new", more: null }]);
});

test("a server that is down at start is waited for by name, and no longer than the bound", async () => {
  const url = `postgres://someone:hunter2@127.0.0.1:${await freePort()}/x`;
  const startedAtMs = performance.now();
  await assert.rejects(open(environment, { url, startTimeoutMs: 400 }), (error: AppError) => {
    assert.equal(error.code, "UNAVAILABLE");
    assert.match(error.message, /PostgreSQL at 127\.0\.0\.1:\d+ did not answer within 400 ms: .*check POSTGRES_URL/);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
  assert.ok(performance.now() - startedAtMs < 3000);
});

test("a server that comes up while it is waited for is used", async () => {
  await using link = await breakableLink(environment.postgresUrl);
  await link.cut();
  const opening = open(environment, { url: link.url });
  await wait(150);
  await link.mend();
  await using late = await opening;
  assert.equal((await late.query("SELECT 1")).rowCount, 1);
});

test("a server that refuses us is not waited for, and says what it refused", async () => {
  const url = new URL(environment.postgresUrl);
  url.password = "wrong";
  const startedAtMs = performance.now();
  await assert.rejects(open(environment, { url: url.href }), (error: AppError) => {
    assert.equal(error.code, "FAILED_PRECONDITION");
    assert.match(error.message, /PostgreSQL at \S+ refused us: .*password authentication failed.*POSTGRES_URL/);
    return true;
  });
  assert.ok(performance.now() - startedAtMs < 3000);
});

test("a server that is lost in the middle is UNAVAILABLE and is used again when it is back", async () => {
  await using link = await breakableLink(environment.postgresUrl);
  await using far = await open(environment, { url: link.url, maxConnections: 3 });
  const asleep = [far.query("SELECT pg_sleep(20)"), far.transaction((tx) => tx.query("SELECT pg_sleep(20)"))];
  const outcome = Promise.all(asleep.map((call) => assert.rejects(call, { code: "UNAVAILABLE" })));
  await eventually(async () => (await sleepers()) === 2n, { what: "both statements to run" });
  await link.cut();
  await outcome;
  await assert.rejects(far.query("SELECT 1"), { code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE" });
  await assert.rejects(
    far.transaction((tx) => tx.query("SELECT 1")),
    { code: "UNAVAILABLE" },
  );
  await link.mend();
  assert.equal((await far.query("SELECT 1")).rowCount, 1);
});

test("a server that does not answer any more is given up after the statement's bound", async () => {
  await using link = await breakableLink(environment.postgresUrl);
  await using far = await open(environment, { url: link.url, statementTimeoutMs: 200 });
  const startedAtMs = performance.now();
  const frozen = far.transaction(async (tx) => {
    await tx.query("SELECT 1");
    link.freeze();
    await tx.query("SELECT 2");
  });
  await assert.rejects(frozen, { code: "UNAVAILABLE", reason: "DATABASE_UNAVAILABLE" });
  assert.ok(performance.now() - startedAtMs < 4000);
  assert.equal((await far.query("SELECT 1")).rowCount, 1);
});

async function sleepers(): Promise<bigint | undefined> {
  const { rows } = await db.query<{ n: bigint }>(
    "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(20)%' AND state = 'active'",
  );
  return rows[0]?.n;
}

test("a connection ended by the server inside a transaction is UNAVAILABLE, and the pool goes on", async () => {
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.query("INSERT INTO account VALUES (40, 0)");
      await tx.query("SELECT pg_terminate_backend(pg_backend_pid())");
    }),
    { code: "UNAVAILABLE" },
  );
  assert.equal(await balanceOf(40), undefined);
});

test("a statement that takes too long is DEADLINE_EXCEEDED", async () => {
  await assert.rejects(
    db.transaction(async (tx) => {
      await tx.query("SET LOCAL statement_timeout = 50");
      await tx.query("SELECT pg_sleep(5)");
    }),
    { code: "DEADLINE_EXCEEDED" },
  );
});
