// What an orchestrator of an earlier version left in the middle of work is finished by this one.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { eventSubject } from "@agentmesh/bus";
import { eventually, type TestEnvironment } from "@agentmesh/harness";
import { sha256Hex } from "@agentmesh/ids";
import { type Claim, type Run, RunState } from "@agentmesh/proto/orchestrator";
import { headers } from "@nats-io/transport-node";
import pg from "pg";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { ended, stepOf, tool } from "./runs.fixture.ts";
import { startWorker, type Worker } from "./worker.fixture.ts";

// Leases of the earlier workers are over by then, and delays of retries; deadlines are not.
const UPGRADE_TOOK_MS = 11 * 60_000;

type StoredStep = { run: string; workflow: string; node: string; state: string; epoch: number };

let mesh: Mesh;
let worker: Worker;
let left: readonly StoredStep[];
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh({ prepare }));
});
after(() => stack.disposeAsync());

/** Loads what version 0.1.0 left, its times as if it had been stopped a while ago. */
async function prepare(env: TestEnvironment): Promise<void> {
  const sql = await readFile(new URL("upgrade/version-0.1.0.sql", import.meta.url), "utf8");
  const madeAt = /^-- made at (.+)$/m.exec(sql)?.[1] ?? "";
  const seconds = (Date.now() - UPGRADE_TOOK_MS - Date.parse(madeAt)) / 1000;
  const client = new pg.Client({ connectionString: env.postgresUrl });
  await client.connect();
  try {
    await client.query(sql);
    const { rows: tables } = await client.query<{ name: string; changes: string }>(
      `SELECT table_name AS name,
         string_agg(format('%1$I = %1$I + make_interval(secs => $1::float8)', column_name), ', ') AS changes
       FROM information_schema.columns
       WHERE table_schema = 'orchestrator' AND data_type = 'timestamp with time zone' GROUP BY table_name`,
    );
    for (const { name, changes } of tables) await client.query(`UPDATE orchestrator.${name} SET ${changes}`, [seconds]);
    left = await storedSteps(client);
  } finally {
    await client.end();
  }
}

async function storedSteps(client: pg.Client): Promise<StoredStep[]> {
  const { rows } = await client.query<StoredStep>(
    `SELECT run, workflow, node, s.state, epoch FROM orchestrator.step s JOIN orchestrator.run r ON r.id = s.run
     ORDER BY run, node`,
  );
  return rows;
}

function byName({ work }: Claim) {
  const input: unknown = work?.work?.value?.input;
  if (work?.work?.$case === "agent") return { output: { agent: work.work.value.agent, score: 0.9 } };
  switch (work?.work?.value?.tool) {
    case "flaky":
      return { output: { attempt: work.attempt } };
    case "broken":
      return work.workflow === "broken"
        ? { output: { mended: true } }
        : { failure: { code: "INVALID_ARGUMENT", message: "no such thing", retryable: false } };
    default:
      return { output: input };
  }
}

function leftOf(workflow: string, state = "running"): StoredStep {
  const found = left.find((step) => step.workflow === workflow && step.state === state);
  assert.ok(found, `version 0.1.0 left a run of ${workflow} with a step that is ${state}`);
  return found;
}

function keyOf(run: string, node: string): string {
  return sha256Hex(`${run}/${node}/0/forward`);
}

test("runs of an earlier version end as they began, each step done once, though code and definitions changed", async () => {
  const states = new Set(left.map((step) => step.state));
  assert.deepEqual(
    [...states].toSorted(),
    ["cancelled", "dispatched", "failed", "ready", "running", "skipped", "succeeded"],
    "what it left",
  );
  const changed = { steps: [{ id: "t", kind: "wait", timerMs: 100 }, tool("new", { dependsOn: ["t"] })] };
  for (const workflow of ["row", "fan", "backlog"]) await mesh.apply("Workflow", workflow, changed);
  worker = stack.use(await startWorker(mesh, { name: "worker-now", work: byName }));
  const runs = await Promise.all([...new Set(left.map((step) => step.run))].map((id) => ended(mesh, id)));
  const outputOf = ({ run }: StoredStep) => runs.find(({ id }) => id === run)?.output;

  assert.deepEqual(outputOf(leftOf("row")), { first: 7, last: "holds" });
  assert.deepEqual(outputOf(leftOf("fan")), { left: 1, right: 1, never: "skipped" });
  assert.deepEqual(outputOf(leftOf("flaky", "ready")), { attempt: 2 });
  assert.equal(outputOf(leftOf("gated")), 0.9);
  const numbers = runs.flatMap((run) => (run.workflow === "backlog" ? [Number(run.output)] : []));
  assert.deepEqual(
    numbers.toSorted((a, b) => a - b),
    [0, 1, 1, ...Array.from({ length: 18 }, (_, n) => n + 2)],
  );
  const unsuccessful = runs.filter((run) => run.state !== RunState.SUCCEEDED).map((run) => run.state);
  assert.deepEqual(unsuccessful, [RunState.FAILED, RunState.CANCELLED], "as they were left");
  assert.ok(runs.every((run) => run.workflowVersion === 1));
  checkOnce(runs);
});

/** What was done before is not done again, what was not is done once, under the key that its effects already have. */
function checkOnce(runs: readonly Run[]): void {
  const before = new Set(left.filter((step) => step.state === "succeeded").map(({ run, node }) => keyOf(run, node)));
  for (const [key, calls] of worker.calls) assert.deepEqual([before.has(key), calls], [false, 1]);
  for (const run of runs) {
    for (const { node, state, kind } of run.steps) {
      if (state !== "STEP_STATE_SUCCEEDED" || kind === "STEP_KIND_EMIT") continue;
      const key = keyOf(run.id, node);
      assert.ok(before.has(key) || worker.calls.has(key), `${run.workflow}/${node} was done by somebody`);
    }
  }
}

test("a worker of the earlier version that wakes is refused", async () => {
  const { run, node, epoch } = leftOf("row");
  const late = { step: { runId: run, node, shard: 0, epoch }, result: { $case: "output" as const, value: "late" } };
  const { accepted } = await (await mesh.runner()).completeSteps({ worker: "worker-0.1.0", results: [late] });
  assert.deepEqual(accepted, [false]);
  assert.ok(stepOf(await mesh.run(run), node).epoch > epoch);
});

test("what happened before and after stands in one history", async () => {
  const { run } = leftOf("row");
  const events = await Array.fromAsync((await mesh.client(1)).watchRun({ id: run }, { token: mesh.token }));
  assert.equal(events[0]?.type, "run.started");
  assert.equal(events.at(-1)?.type, "run.succeeded");
  assert.equal(events.filter((event) => event.type === "step.taken_over").length, 1);
});

test("dedupe keys, retries and reruns of runs that ended before work on", async () => {
  const known = await mesh.start("backlog", { n: 99 }, { dedupeKey: "once" });
  assert.ok(left.some((step) => step.run === known.id));
  const failed = leftOf("broken", "failed");
  await (await mesh.client()).retryRun({ id: failed.run }, { token: mesh.token });
  assert.equal((await ended(mesh, failed.run)).state, RunState.SUCCEEDED);
  assert.equal(worker.calls.has(keyOf(failed.run, "a")), false, "what succeeded stays");
  const rerun = await (await mesh.client()).rerunRun({ id: leftOf("fan").run, from: "join" }, { token: mesh.token });
  assert.deepEqual((await ended(mesh, rerun.id)).output, { left: 1, right: 1, never: "skipped" });
});

test("a trigger that the earlier version stored starts runs of the current definition", async () => {
  const carried = headers();
  const attributes = { "ce-specversion": "1.0", "ce-id": "e-1", "ce-source": "desk", "ce-type": "ticket.opened" };
  for (const [name, value] of Object.entries(attributes)) carried.set(name, value);
  const subject = eventSubject("acme", "helpdesk", "ticket.opened", "k");
  await mesh.bus.js.publish(subject, JSON.stringify({ n: 1 }), { headers: carried });
  const client = await mesh.client();
  const started = await eventually(
    async () => {
      const { runs } = await client.listRuns({ workflow: "backlog", pageSize: 1 }, { token: mesh.token });
      return runs[0]?.origin === "trigger:on-opened:e-1" && runs[0];
    },
    { what: "the run of the trigger" },
  );
  assert.equal((await ended(mesh, started.id)).workflowVersion, 2);
});
