import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "@agentmesh/harness";
import { type MeshOptions, type RunningMesh, startMesh } from "@agentmesh/local";
import { removeMeshData } from "@agentmesh/local/remove-data";
import { isSameProcess, processMark } from "@agentmesh/processes";
import pg from "pg";

const here = dirname(fileURLToPath(import.meta.url));
const command = (service: string) => [process.execPath, join(here, "fake-service.ts"), service];
/** Far from what a mesh of this checkout uses. */
const env = { AGENTMESH_BASE_PORT: "12100" };

test("a mesh comes up, restarts what dies, and leaves nothing behind", async (t) => {
  const root = newRoot(t);
  const before = await startMesh(quiet(root));
  const left = before.processes();
  try {
    await checkEnvironment(before);
    await checkRestarts(before);
  } finally {
    await before.stop();
  }
  for (const { pid, mark } of left) assert.equal(isSameProcess(pid, mark), false);
  assert.equal(existsSync(join(root, "run.json")), false);
  assert.match(readFileSync(join(root, "logs", "auth.log"), "utf8"), /drained/);

  const after = await startMesh(quiet(root));
  assert.equal(after.httpUrl, before.httpUrl);
  assert.equal(after.adminPassword, before.adminPassword);
  assert.deepEqual(after.postgresUrls, before.postgresUrls);
  await after.stop();
});

test("two meshes run side by side; a second one on the same data is refused", async (t) => {
  const root = newRoot(t);
  await using one = await startMesh(quiet(root));
  await assert.rejects(startMesh(quiet(root)), /already runs .*npm stop/);
  await using two = await startMesh({ ...quiet(newRoot(t)), replicas: { orchestrator: 2 } });
  assert.notEqual(one.httpUrl, two.httpUrl);
  assert.equal(two.addresses.orchestrator?.split(",").length, 2);
  assert.ok(two.pids()["orchestrator-2"]);
});

test("what a killed runner left is stopped by the next start", async (t) => {
  const root = newRoot(t);
  const runner = spawn(process.execPath, [join(here, "killed-runner.ts"), root], { env: { ...process.env, ...env } });
  const record = await eventually(() => JSON.parse(readFileSync(join(root, "run.json"), "utf8")), {
    what: "the runner to write run.json",
  });
  await eventually(() => JSON.parse(readFileSync(join(root, "run.json"), "utf8")).processes.length === 11, {
    what: "eleven processes",
    timeoutMs: 30_000,
  });
  runner.kill("SIGKILL");
  await eventually(() => processMark(record.runner.pid) === undefined, { what: "the runner to be gone" });
  const lines: string[] = [];
  await using mesh = await startMesh({ ...quiet(root), quiet: false, log: (line) => lines.push(line) });
  assert.match(lines[0] ?? "", /stopped what a killed runner left behind: .*postgres/);
  assert.equal(mesh.processes().length, 11);
});

test("what cannot start is named with the end of its log, and nothing keeps running", async (t) => {
  const root = newRoot(t);
  const failing = startMesh({ ...quiet(root), env: { ...env, FAKE_CRASH: "cost" } });
  await assert.rejects(failing, /1 of 8 services[\s\S]*cost on .*ended 4 times[\s\S]*MASTER_KEY_FILE is not readable/);
  assert.equal(existsSync(join(root, "run.json")), false);

  const aborted = new AbortController();
  const stopping = startMesh({ ...quiet(root), signal: aborted.signal, log: () => aborted.abort(), quiet: false });
  await assert.rejects(stopping, /stop/);
  assert.equal(existsSync(join(root, "run.json")), false);
});

test("a port that the user fixed and somebody else has is an error; another one is passed by", async (t) => {
  const taken = createServer().listen(13_100, "127.0.0.1");
  t.after(() => taken.close());
  const fixed = { AGENTMESH_BASE_PORT: "13100", GATEWAY_HTTP_PORT: "13100" };
  await assert.rejects(startMesh({ ...quiet(newRoot(t)), env: fixed }), /port 13100 .*GATEWAY_HTTP_PORT.* in use/);
  await using mesh = await startMesh({ ...quiet(newRoot(t)), env: { AGENTMESH_BASE_PORT: "13100" } });
  assert.equal(mesh.httpUrl, "http://127.0.0.1:13101");
});

test("wrong replicas are refused before anything starts", async (t) => {
  const root = newRoot(t);
  await assert.rejects(startMesh({ ...quiet(root), replicas: { orchestra: 2 } }), /no such service.*orchestrator/);
  await assert.rejects(startMesh({ ...quiet(root), replicas: { cost: 99 } }), /from 1 to 16/);
});

async function checkEnvironment(mesh: RunningMesh): Promise<void> {
  const auth = mesh.services.find((entry) => entry.name === "auth");
  const environment = await (await fetch(`${auth?.adminUrl}/environment`)).json();
  assert.ok(typeof environment === "object" && environment !== null);
  const values = new Map(Object.entries(environment));
  assert.equal(values.get("BOOTSTRAP_ADMIN_PASSWORD"), mesh.adminPassword);
  assert.equal(values.get("AGENT_RUNNER_ADDRESS"), mesh.addresses["agent-runner"]);
  assert.equal(values.get("POSTGRES_ADMIN_URL"), undefined);
  const client = new pg.Client({ connectionString: String(values.get("POSTGRES_URL")) });
  await client.connect();
  const { rows } = await client.query("SELECT current_user, current_schema()");
  await assert.rejects(client.query("CREATE TABLE cost.t (id int)"), /permission denied/);
  await client.end();
  assert.deepEqual(rows, [{ current_user: "mesh_auth", current_schema: "auth" }]);
}

async function checkRestarts(mesh: RunningMesh): Promise<void> {
  for (const name of ["auth", "postgres", "nats", "redis"]) {
    const pid = mesh.pids()[name];
    await mesh.kill(name);
    await mesh.waitReady(name, 20_000);
    assert.notEqual(mesh.pids()[name], pid);
  }
}

function quiet(root: string): MeshOptions {
  return { root, quiet: true, env, command };
}

function newRoot(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), "agentmesh-mesh-"));
  t.after(() => removeMeshData(root));
  return root;
}
