import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { migrationFolder, open } from "./open.ts";

let environment: TestEnvironment;

before(async () => {
  environment = await testEnvironment("cost", { nats: false, redis: false });
});
after(() => environment[Symbol.asyncDispose]());

test("replicas that start together apply each migration once, in order", async () => {
  const folder = migrationFolder(environment, {
    "0002-more.sql": "ALTER TABLE thing ADD COLUMN name text; INSERT INTO thing VALUES (1, 'one')",
    "0001-thing.sql": "SELECT pg_sleep(0.3); CREATE TABLE thing (id int PRIMARY KEY)",
    "README.md": "not SQL",
  });
  const replicas = await Promise.all(
    Array.from({ length: 4 }, () => open(environment, { migrations: [{ name: "together", folder }] })),
  );
  const [first] = replicas;
  const { rows } = await (first ?? assert.fail()).query<{ name: string }>(
    "SELECT name FROM schema_migration WHERE source = $1 ORDER BY name",
    ["together"],
  );
  assert.deepEqual(rows, [{ name: "0001-thing.sql" }, { name: "0002-more.sql" }]);
  assert.equal((await first?.query("SELECT * FROM thing"))?.rowCount, 1);
  await Promise.all(replicas.map((db) => db[Symbol.asyncDispose]()));
});

test("a migration that was edited after it was applied is refused by name; a new one is added", async () => {
  const folder = migrationFolder(environment, { "0001-a.sql": "CREATE TABLE edited (id int)" });
  const migrations = [{ name: "edited", folder }];
  await (await open(environment, { migrations }))[Symbol.asyncDispose]();
  writeFileSync(new URL("0002-b.sql", folder), "ALTER TABLE edited ADD COLUMN b int");
  await (await open(environment, { migrations }))[Symbol.asyncDispose]();
  writeFileSync(new URL("0001-a.sql", folder), "CREATE TABLE edited (id bigint)");
  await assert.rejects(open(environment, { migrations }), {
    code: "FAILED_PRECONDITION",
    reason: "MIGRATION_EDITED",
    message: /edited\/0001-a\.sql was edited after it was applied/,
  });
});

test("a migration that fails leaves nothing of itself and keeps what came before", async () => {
  const folder = migrationFolder(environment, {
    "0001-good.sql": "CREATE TABLE good (id int)",
    "0002-bad.sql": "CREATE TABLE half (id int); INSERT INTO nowhere VALUES (1)",
  });
  const migrations = [{ name: "broken", folder }];
  await assert.rejects(open(environment, { migrations }), /migration broken\/0002-bad\.sql failed: .*nowhere/);
  writeFileSync(new URL("0002-bad.sql", folder), "CREATE TABLE half (id int)");
  await using db = await open(environment, { migrations });
  assert.equal((await db.query("SELECT * FROM good, half")).rowCount, 0);
});

test("a connection that ends in the middle of a migration fails the start with the file's name", async () => {
  const folder = migrationFolder(environment, {
    "0001-cut.sql": "SELECT pg_terminate_backend(pg_backend_pid())",
  });
  await assert.rejects(open(environment, { migrations: [{ name: "cut", folder }] }), /migration cut\/0001-cut\.sql/);
});

test("a replica waits for a migration of another that takes longer than a statement may", async () => {
  const folder = migrationFolder(environment, { "0001-slow.sql": "CREATE TABLE slow AS SELECT pg_sleep(1)::text" });
  const url = new URL(environment.postgresUrl);
  const migrations = [{ name: "slow", folder }];
  const options = { url: url.href, migrations, statementTimeoutMs: 300 };
  const replicas = await Promise.all([open(environment, options), open(environment, options)]);
  await assert.rejects(replicas[0].query("SELECT pg_sleep(1)"), { code: "DEADLINE_EXCEEDED" });
  await Promise.all(replicas.map((db) => db[Symbol.asyncDispose]()));
});
