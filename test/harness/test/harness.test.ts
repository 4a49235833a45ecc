import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { eventually, testEnvironment } from "@agentmesh/harness";
import pg from "pg";

test("an environment has a database that its role owns a schema of, and that is gone afterwards", async () => {
  let adminUrl = "";
  {
    await using env = await testEnvironment("agent-runner", { nats: false, redis: false });
    adminUrl = env.adminPostgresUrl;
    const rows = await queryAs(env.postgresUrl, [
      "CREATE TABLE run (id int)",
      "SELECT schemaname FROM pg_tables WHERE tablename = 'run'",
    ]);
    assert.deepEqual(rows, [{ schemaname: "agent_runner" }]);
    await assert.rejects(queryAs(env.postgresUrl, ["CREATE TABLE public.t (id int)"]), /permission denied/);
  }
  await assert.rejects(queryAs(adminUrl, ["SELECT 1"]), /does not exist/);
});

test("keys, trust bundle and master key fit together", async () => {
  await using env = await testEnvironment("auth", { postgres: false, nats: false, redis: false });
  const key = JSON.parse(readFileSync(env.workloadKeyFile, "utf8"));
  const trust = JSON.parse(readFileSync(env.workloadTrustFile, "utf8"));
  assert.equal(key.kid, "auth");
  assert.equal(trust.keys.length, 8);
  assert.equal(trust.keys.find((entry: { kid: string }) => entry.kid === "auth").x, key.x);
  assert.ok(trust.keys.every((entry: object) => !("d" in entry)));
  assert.equal(Buffer.from(readFileSync(env.masterKeyFile, "utf8"), "base64").length, 32);
});

test("servers can be killed and come back on their port, and nothing is left", async () => {
  let dir = "";
  let pid = 0;
  {
    await using env = await testEnvironment("cache", { postgres: false });
    dir = env.dir;
    for (const server of [env.nats, env.redis]) {
      assert.equal(await accepts(server.port), true);
      await server.kill();
      assert.equal(await accepts(server.port), false);
      await server.restart();
      assert.equal(await accepts(server.port), true);
    }
    pid = env.nats.pid();
  }
  assert.equal(existsSync(dir), false);
  assert.throws(() => process.kill(pid, 0), /ESRCH/);
});

test("eventually answers the first truthy value, and says what it waited for", async () => {
  let calls = 0;
  assert.equal(await eventually(() => ++calls === 3 && "third", { what: "the third call" }), "third");
  await assert.rejects(
    eventually(() => Promise.reject(new Error("still red")), { what: "green", timeoutMs: 30 }),
    /waited 30 ms for green: still red/,
  );
});

async function queryAs(url: string, statements: string[]): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: unknown[] = [];
    for (const statement of statements) rows = (await client.query(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
