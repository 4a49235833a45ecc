// The fault matrix, as far as it fits into one process: kills of processes are in the whole-mesh tests.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { Claim, Run } from "@agentmesh/proto/orchestrator";
import pg from "pg";
import { type Mesh, type Orchestrator, startMesh } from "./mesh.fixture.ts";
import { startWorker, toResult, type Worker } from "./worker.fixture.ts";

let mesh: Mesh;
let runner: Orchestrator;
let other: Orchestrator;
const stack = new AsyncDisposableStack();

// A lease and a wait short enough to lose within a test, long enough for a busy machine to keep.
const LEASE_MS = 1500;

before(async () => {
  mesh = stack.use(await startMesh({ engine: { leaseMs: LEASE_MS, redispatchAfterMs: 1500 } }));
  runner = await mesh.runner(0);
  other = await mesh.runner(1);
  const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", ...more });
  await mesh.apply("Workflow", "one", { steps: [tool("a")], output: "$.steps.a.output" });
  await mesh.apply("Workflow", "three", {
    steps: [tool("a"), tool("b", { dependsOn: ["a"] }), tool("c", { dependsOn: ["b"] })],
  });
  await mesh.apply("Workflow", "late", { deadlineMs: 1000, steps: [tool("a")] });
});
after(() => stack.disposeAsync());

/** Claims a step of a run that no worker of the queue sees: the test is the worker. */
async function claim(run: Run, worker: string, client = runner, epoch = 1): Promise<Claim> {
  const step = { runId: run.id, node: "a", shard: 0, epoch };
  const { claims } = await client.claimSteps({ worker, steps: [step] });
  const [first] = claims;
  assert.ok(first);
  return first;
}

async function complete(claimed: Claim, worker: string, output: unknown, client = runner): Promise<boolean> {
  const { accepted } = await client.completeSteps({ worker, results: [toResult(claimed, { output, cost: 7n })] });
  return accepted[0] ?? false;
}

function ended(id: string): Promise<Run> {
  return eventually(
    async () => {
      const run = await mesh.run(id);
      return run.state !== "RUN_STATE_RUNNING" && run;
    },
    { what: `the end of run ${id}`, timeoutMs: 30_000 },
  );
}

test("one worker gets a step: others are refused, the same one may ask again", async () => {
  const run = await mesh.start("one");
  const claims = await Promise.all([
    claim(run, "w1"),
    claim(run, "w2", other),
    claim(run, "w3"),
    claim(run, "w4", other),
  ]);
  const granted = claims.filter((one) => one.granted);
  assert.equal(granted.length, 1);
  const holder = `w${claims.findIndex((one) => one.granted) + 1}`;
  const [first] = granted;
  const again = await claim(run, holder, other);
  assert.equal(again.granted, true, "a claim whose answer was lost is given again");
  assert.equal(again.work?.idempotencyKey, first?.work?.idempotencyKey);
  assert.equal(await complete(again, holder, 1), true);
  assert.equal((await claim(run, holder)).granted, false, "done is done");
});

test("a result is taken once: repeats are fine, also at the other replica, and cost nothing", async () => {
  const run = await mesh.start("one");
  const claimed = await claim(run, "w1");
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, index) => complete(claimed, "w1", { n: 1 }, index % 2 ? runner : other)),
  );
  assert.ok(answers.every(Boolean));
  const done = await ended(run.id);
  assert.deepEqual([done.state, done.output, done.costNanoUsd], ["RUN_STATE_SUCCEEDED", { n: 1 }, 7n]);
});

test("a lost lease is taken over: the old epoch is refused, the key of the effect stays", async () => {
  const run = await mesh.start("one");
  const first = await claim(run, "frozen");
  const held = await runner.heartbeatSteps({ worker: "frozen", steps: [{ ...first.step }] });
  assert.deepEqual(held.stop, []);
  const second = await eventually(
    async () => {
      const taken = await claim(run, "w2", other, 2);
      return taken.granted && taken;
    },
    { what: "the step to be given to another worker" },
  );
  assert.equal(second.work?.idempotencyKey, first.work?.idempotencyKey);
  assert.equal(await complete(first, "frozen", "late"), false, "the one that woke up is fenced");
  const told = await runner.heartbeatSteps({ worker: "frozen", steps: [{ ...first.step }] });
  assert.equal(told.stop.length, 1, "and is told to stop");
  assert.equal(await complete(second, "w2", "ours"), true);
  assert.equal((await ended(run.id)).output, "ours");
});

test("heartbeats keep a lease for longer than it lasts", async () => {
  const run = await mesh.start("one");
  const claimed = await claim(run, "w1");
  const until = Date.now() + LEASE_MS * 2;
  await eventually(
    async () => {
      const { stop } = await runner.heartbeatSteps({ worker: "w1", steps: [{ ...claimed.step }] });
      assert.deepEqual(stop, []);
      return Date.now() > until;
    },
    { what: "two leases to pass" },
  );
  assert.equal(await complete(claimed, "w1", 1), true);
});

test("cancel races complete: the run's lock picks one, and both see the same end", async () => {
  const client = await mesh.client(1);
  const ends = new Set<string>();
  for (let round = 0; round < 20; round++) {
    const run = await mesh.start("one");
    const claimed = await claim(run, "w1");
    const [accepted, cancelled] = await Promise.all([
      complete(claimed, "w1", round),
      client.cancelRun({ id: run.id, reason: "race" }, { token: mesh.token }),
    ]);
    const after = await mesh.run(run.id);
    assert.equal(after.state, accepted ? "RUN_STATE_SUCCEEDED" : "RUN_STATE_CANCELLED");
    assert.equal(cancelled.state, after.state);
    ends.add(after.state);
    const again = await client.cancelRun({ id: run.id }, { token: mesh.token });
    assert.equal(again.state, after.state, "an ended run stays as it is");
  }
  assert.ok(ends.size >= 1);
});

test("a deadline ends a run that nobody works on, and two sweepers end it once", async () => {
  const run = await mesh.start("late");
  const done = await ended(run.id);
  assert.deepEqual([done.state, done.failure?.code], ["RUN_STATE_FAILED", "DEADLINE_EXCEEDED"]);
  const client = await mesh.client();
  const events = await Array.fromAsync(client.watchRun({ id: run.id }, { token: mesh.token }));
  assert.equal(events.filter((event) => event.type === "run.failed").length, 1);
});

test("a run in which nothing is active and nothing is waited for is found, told once, and says what it was found with", async () => {
  const run = await mesh.start("three");
  const told: string[] = [];
  const attention = mesh.bus.nc.subscribe(`evt.acme.orchestrator.workflow.needs_attention.${run.id}`, {
    callback(_error, message) {
      told.push(`${message.headers?.get("ce-id")} ${Buffer.from(message.data).toString("latin1")}`);
    },
  });
  const db = new pg.Client({ connectionString: mesh.env.postgresUrl });
  await db.connect();
  // As this version would not leave it: a state that it does not know.
  await db.query("UPDATE orchestrator.step SET state = 'parked', queued = false WHERE run = $1", [run.id]);
  const sweep = () => db.query("UPDATE orchestrator.run SET wake_at = now() WHERE id = $1", [run.id]);
  await sweep();
  await eventually(() => told.length > 0, { what: "the run to be found" });
  await sweep();
  await eventually(
    async () => (await db.query("SELECT 1 FROM orchestrator.run WHERE id = $1 AND wake_at > now()", [run.id])).rowCount,
    { what: "the next look" },
  );
  await db.end();
  attention.unsubscribe();
  assert.equal(new Set(told.map((text) => text.split(" ")[0])).size, 1);
  assert.match(told[0] ?? "", /STUCK[\s\S]*"a":"parked"/);
});

async function startMany(count: number): Promise<Run[]> {
  const clients = await Promise.all([mesh.client(0), mesh.client(1)]);
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const client = clients[index % 2];
      assert.ok(client);
      return client.startWorkflow({ workflow: "three", input: { index } }, { token: mesh.token });
    }),
  );
}

async function allSucceed(runs: readonly Run[]): Promise<void> {
  for (const { id } of runs) assert.equal((await ended(id)).state, "RUN_STATE_SUCCEEDED");
}

test("all streams of NATS purged and deleted in the middle: every run ends", async () => {
  const runs = await startMany(60);
  await mesh.bus.jsm.streams.purge("WORK");
  const worker = stack.use(await startWorker(mesh, { name: "purged", client: runner }));
  await eventually(() => worker.calls.size >= 30, { what: "the first steps, sent again" });
  await mesh.bus.jsm.streams.delete("WORK");
  await mesh.bus.jsm.streams.delete("EVENTS");
  await allSucceed(runs);
  assert.ok(
    [...worker.calls.values()].every((calls) => calls === 1),
    "each step was worked on once",
  );
  await worker[Symbol.asyncDispose]();
});

test("NATS killed and restarted in the middle: every run ends", async () => {
  const worker = stack.use(await startWorker(mesh, { name: "restarted", client: other }));
  const runs = await startMany(60);
  await eventually(() => worker.calls.size >= 30, { what: "half of the first steps" });
  await mesh.env.nats.kill();
  const during = await startMany(10);
  await mesh.env.nats.restart();
  await allSucceed([...runs, ...during]);
  await worker[Symbol.asyncDispose]();
});

test("a replica that froze with a run's lock is cut off, and its peer goes on", async () => {
  const run = await mesh.start("one");
  const claimed = await claim(run, "w1");
  await using frozen = await freeze(run.id);
  const accepted = complete(claimed, "w1", 1, other);
  await frozen.cut();
  assert.equal(await accepted, true);
  assert.equal((await ended(run.id)).state, "RUN_STATE_SUCCEEDED");
});

/** Holds a run's row as a frozen replica would; the server ends its session after the idle timeout, here a short one. */
async function freeze(runId: string) {
  const client = new pg.Client({ connectionString: mesh.env.postgresUrl });
  const cut = Promise.withResolvers<void>();
  client.on("error", () => cut.resolve());
  await client.connect();
  await client.query("SET idle_in_transaction_session_timeout = 500");
  await client.query("BEGIN");
  await client.query("SELECT 1 FROM run WHERE id = $1 FOR UPDATE", [runId]);
  return { cut: () => cut.promise, [Symbol.asyncDispose]: () => client.end().catch(() => undefined) };
}

test("steps without credit wait in the backlog and leave it by priority", async () => {
  await using small = await startMesh({ replicas: 2, engine: { credit: 2 } });
  await small.apply("Workflow", "one", { steps: [{ id: "a", kind: "tool", tool: "echo" }] });
  const filler = await Promise.all(Array.from({ length: 6 }, () => small.start("one", {}, { priority: 9 })));
  const low = await Promise.all(Array.from({ length: 6 }, () => small.start("one", {}, { priority: 1 })));
  const high = await Promise.all(Array.from({ length: 6 }, () => small.start("one", {}, { priority: 8 })));
  const order: string[] = [];
  const worker: Worker = await startWorker(small, {
    name: "w1",
    places: 1,
    work: (claimed) => {
      order.push(claimed.step?.runId ?? "");
      return { output: 1 };
    },
  });
  await eventually(() => order.length >= 18, { what: "all steps to be worked on" });
  await worker[Symbol.asyncDispose]();
  const lastHigh = Math.max(...high.map((run) => order.indexOf(run.id)));
  const inBacklog = low.map((run) => order.indexOf(run.id)).filter((at) => at > filler.length);
  assert.ok(
    inBacklog.filter((at) => at < lastHigh).length <= 2,
    `priority decides, but for what was on its way: ${order.length}`,
  );
});

/** The database takes no change of the steps of a run. */
async function refuseSteps(run: string): Promise<AsyncDisposable> {
  const admin = new pg.Client({ connectionString: mesh.env.adminPostgresUrl });
  await admin.connect();
  await admin.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'not this one'; END $$`);
  await admin.query(`CREATE TRIGGER refuse BEFORE UPDATE ON orchestrator.step FOR EACH ROW
    WHEN (NEW.run = '${run}') EXECUTE FUNCTION refuse()`);
  return {
    async [Symbol.asyncDispose]() {
      await admin.query("DROP FUNCTION refuse CASCADE");
      await admin.end();
    },
  };
}

test("a run whose changes the database refuses does not hold up those that are due with it", async () => {
  const [refused, ...others] = await Promise.all(Array.from({ length: 3 }, () => mesh.start("late")));
  await using _ = await refuseSteps(refused?.id ?? "");
  for (const { id } of others) assert.equal((await ended(id)).failure?.code, "DEADLINE_EXCEEDED");
  assert.equal((await mesh.run(refused?.id ?? "")).state, "RUN_STATE_RUNNING");
});

test("a parent whose changes the database refuses does not hold up what other runs must hear", async () => {
  await mesh.apply("Workflow", "parent", { steps: [{ id: "c", kind: "workflow", workflow: "one" }] });
  const parents = await Promise.all(Array.from({ length: 3 }, () => mesh.start("parent")));
  const [refused, ...others] = parents;
  await using _ = await refuseSteps(refused?.id ?? "");
  for (const { steps } of parents) {
    const child = await mesh.run(steps[0]?.childRunId ?? "");
    assert.ok(await complete(await claim(child, "w1"), "w1", {}));
  }
  for (const { id } of others) assert.equal((await ended(id)).state, "RUN_STATE_SUCCEEDED");
  assert.equal((await mesh.run(refused?.id ?? "")).state, "RUN_STATE_RUNNING");
});
