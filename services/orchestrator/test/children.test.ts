import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { Run } from "@agentmesh/proto/orchestrator";
import pg from "pg";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { ended, finish, isState, stepOf, tool, until } from "./runs.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(
    await startWorker(mesh, {
      name: "w1",
      work({ work }) {
        const name = work?.work?.$case === "tool" ? work.work.value.tool : "";
        if (name === "broken") return { failure: { code: "INVALID_ARGUMENT", message: "broken", retryable: false } };
        return { output: work?.work?.value.input, cost: 3n };
      },
    }),
  );
  await mesh.apply("Workflow", "child", {
    input: { type: "object", required: ["n"] },
    steps: [tool("a", { input: { twice: "$.input.n" } })],
    output: { n: "$.steps.a.output.twice" },
  });
});
after(() => stack.disposeAsync());

test("a step that is a workflow: a run of its own, with its parent's subject, priority and cost", async () => {
  await mesh.apply("Workflow", "parent", {
    priority: 7,
    steps: [
      { id: "c", kind: "workflow", workflow: "child", input: { n: "$.input.n" } },
      tool("after", { dependsOn: ["c"], input: "$.steps.c.output" }),
    ],
    output: "$.steps.after.output",
  });
  const run = await finish(mesh, "parent", { n: 21 });
  assert.deepEqual([run.state, run.output], ["RUN_STATE_SUCCEEDED", { n: 21 }]);
  const { childRunId, kind } = stepOf(run, "c");
  assert.equal(kind, "STEP_KIND_WORKFLOW");
  const child = await mesh.run(childRunId);
  assert.deepEqual(
    [child.parentRunId, child.parentNode, child.priority, child.subject, child.workflow],
    [run.id, "c", 7, run.subject, "child"],
  );
  assert.equal(run.costNanoUsd, 6n);
  const listed = await (await mesh.client()).listRuns({ parentRunId: run.id }, { token: mesh.token });
  assert.deepEqual(
    listed.runs.map((one) => one.id),
    [childRunId],
  );
});

test("a child that fails, that cannot start, or that starts itself for ever fails its step with the reason", async () => {
  await mesh.apply("Workflow", "bad-child", { steps: [{ ...tool("x"), tool: "broken" }] });
  const parent = (workflow: string) => ({ steps: [{ id: "c", kind: "workflow", workflow, input: "$.input" }] });
  await mesh.apply("Workflow", "of-bad", parent("bad-child"));
  const failed = await finish(mesh, "of-bad");
  assert.match(failed.failure?.message ?? "", /broken/);
  await mesh.apply("Workflow", "of-wrong", parent("child"));
  assert.match((await finish(mesh, "of-wrong")).failure?.message ?? "", /could not be started.*required property 'n'/);
  await mesh.apply("Workflow", "of-itself", parent("of-itself"));
  const deep = await finish(mesh, "of-itself");
  assert.match(deep.failure?.message ?? "", /8 deep/);
});

test("a child's end that is delivered twice, at two replicas, counts once", async () => {
  await mesh.apply("Workflow", "two-ends", {
    steps: [
      { id: "c", kind: "workflow", workflow: "child", input: { n: 1 } },
      { id: "ok", kind: "approval", title: "Go?", dependsOn: ["c"] },
    ],
  });
  const { id } = await mesh.start("two-ends");
  const run = await until(mesh, id, isState("ok", "STEP_STATE_WAITING"), "its approval");
  const db = new pg.Client({ connectionString: mesh.env.postgresUrl });
  await db.connect();
  const data = JSON.stringify({ node: "c", shard: 0, phase: "failed" });
  for (let copy = 0; copy < 4; copy++) {
    await db.query("INSERT INTO orchestrator.run_signal (run, kind, ref, data) VALUES ($1, 'child-ended', $2, $3)", [
      id,
      stepOf(run, "c").childRunId,
      data,
    ]);
  }
  await eventually(async () => (await db.query("SELECT 1 FROM orchestrator.run_signal")).rows.length === 0, {
    what: "the signals to be taken",
  });
  await db.end();
  const after = await mesh.run(id);
  assert.deepEqual([after.state, stepOf(after, "c").state], ["RUN_STATE_RUNNING", "STEP_STATE_SUCCEEDED"]);
});

test("a cancelled parent takes its child along", async () => {
  await mesh.apply("Workflow", "waits", { steps: [{ id: "ok", kind: "approval", title: "Go?" }] });
  await mesh.apply("Workflow", "of-waits", { steps: [{ id: "c", kind: "workflow", workflow: "waits" }] });
  const { id } = await mesh.start("of-waits");
  const run = await until(mesh, id, (one) => stepOf(one, "c").childRunId !== "", "its child");
  await (await mesh.client(1)).cancelRun({ id }, { token: mesh.token });
  assert.equal((await ended(mesh, id)).state, "RUN_STATE_CANCELLED");
  const child = await ended(mesh, stepOf(run, "c").childRunId);
  assert.equal(child.state, "RUN_STATE_CANCELLED");
});

test("a pause takes child runs along and theirs, at whichever replica, and so does its end; a person's own stays", async () => {
  await mesh.apply("Workflow", "asks", { steps: [{ id: "ok", kind: "approval", title: "Go?" }] });
  await mesh.apply("Workflow", "asks-below", { steps: [{ id: "c", kind: "workflow", workflow: "asks" }] });
  await mesh.apply("Workflow", "asks-many", {
    steps: [
      { id: "m", kind: "map", over: "$.input.list", workflow: "asks-below" },
      { id: "own", kind: "workflow", workflow: "asks" },
    ],
  });
  const { id } = await mesh.start("asks-many", { list: [1, 2, 3] });
  const client = await mesh.client(1);
  const childrenOf = async (run: string) =>
    (await client.listRuns({ parentRunId: run }, { token: mesh.token })).runs.map((one) => one.id);
  const family = await eventually(
    async () => {
      const children = await childrenOf(id);
      const below = (await Promise.all(children.map(childrenOf))).flat();
      return below.length === 3 && children.length === 4 && { children, below };
    },
    { what: "three items with a run below each, and one more" },
  );
  const all = [...family.children, ...family.below];
  const own = stepOf(await mesh.run(id), "own").childRunId;
  await client.pauseRun({ id: own }, { token: mesh.token });
  const arePaused = (ids: readonly string[], paused: boolean, what: string) =>
    eventually(async () => (await Promise.all(ids.map(mesh.run))).every((run) => run.paused === paused), { what });
  await client.pauseRun({ id }, { token: mesh.token });
  await arePaused(all, true, "all of them to stand still");
  await (await mesh.client(0)).resumeRun({ id }, { token: mesh.token });
  await arePaused(
    all.filter((run) => run !== own),
    false,
    "all but one to go on",
  );
  assert.equal((await mesh.run(own)).paused, true);
  await client.cancelRun({ id }, { token: mesh.token });
  for (const run of all) assert.equal((await ended(mesh, run)).state, "RUN_STATE_CANCELLED");
});

test("what a gate changed for the next run of a step is not lost when its own run is paused at that moment", async () => {
  await mesh.apply("Workflow", "scored", {
    steps: [{ id: "ok", kind: "approval", title: "Go?" }, tool("a", { dependsOn: ["ok"], input: "$.input" })],
    output: "$.steps.a.output",
  });
  const gate = {
    value: "$.output.score",
    atLeast: 0.8,
    onFail: "retry",
    change: { score: 0.9, was: "$.output.score" },
  };
  await mesh.apply("Workflow", "graded", {
    steps: [{ id: "c", kind: "workflow", workflow: "scored", input: { score: 0.1 }, gate }],
    output: "$.steps.c.output",
  });
  const client = await mesh.client();
  const { token } = mesh;
  const { id } = await mesh.start("graded");
  const childOf = async (not = "") => {
    const run = await until(mesh, id, (one) => ![not, ""].includes(stepOf(one, "c").childRunId), "its child");
    const child = stepOf(run, "c").childRunId;
    return until(mesh, child, isState("ok", "STEP_STATE_WAITING"), "its approval");
  };
  const approve = (run: Run) =>
    client.decideApproval({ id: run.id, node: "ok", approve: true, argsHash: stepOf(run, "ok").argsHash }, { token });
  const first = await childOf();
  await client.pauseRun({ id }, { token });
  await until(mesh, first.id, (run) => run.paused, "to stand still with its parent");
  await client.resumeRun({ id: first.id }, { token });
  await approve(first);
  await ended(mesh, first.id);
  await until(mesh, id, isState("c", "STEP_STATE_READY"), "the gate");
  await client.resumeRun({ id }, { token });
  await approve(await childOf(first.id));
  assert.deepEqual((await ended(mesh, id)).output, { score: 0.9, was: 0.1 });
});

test("maps in the runs of maps, however deep, have one bound on their items together", async () => {
  const inner = { id: "i", kind: "map", over: "$.input.inner", tool: "echo", dependsOn: ["ok"] };
  await mesh.apply("Workflow", "inner", { steps: [{ id: "ok", kind: "approval", title: "Go?" }, inner] });
  const pass = { input: "$.input" };
  await mesh.apply("Workflow", "middle", { steps: [{ id: "c", kind: "workflow", workflow: "inner", ...pass }] });
  const outer = { id: "o", kind: "map", over: "$.input.list", workflow: "middle", ...pass };
  await mesh.apply("Workflow", "outer", { steps: [outer] });
  const client = await mesh.client();
  const startAndApprove = async (more: (id: string) => Promise<unknown>) => {
    const { id } = await mesh.start("outer", { list: [1], inner: Array.from({ length: 11 }, (_, n) => n) });
    const approval = await eventually(
      async () =>
        (await client.listApprovals({ state: "APPROVAL_STATE_PENDING" }, { token: mesh.token })).approvals.find(
          ({ workflow }) => workflow === "inner",
        ),
      { what: "the approval" },
    );
    await more(id);
    const { runId, node, argsHash } = approval;
    await client.decideApproval({ id: runId, node, approve: true, argsHash }, { token: mesh.token });
    return ended(mesh, id);
  };
  assert.equal((await startAndApprove(async () => undefined)).state, "RUN_STATE_SUCCEEDED");
  const db = new pg.Client({ connectionString: mesh.env.postgresUrl });
  await db.connect();
  // As if the outer list were longer than a test has time for.
  const tooMany = await startAndApprove((id) =>
    db.query(
      `UPDATE orchestrator.step SET detail = jsonb_set(detail::jsonb, '{counts,total}', '100000')::json
       WHERE run = $1 AND node = 'o' AND shard = 0`,
      [id],
    ),
  );
  await db.end();
  assert.match(
    tooMany.failure?.message ?? "",
    /step i: \$\.input\.inner has 11 items .* 100000 runs .* more than 1000000/,
  );
});

test("a map of workflows: a run for each item, a few at a time", async () => {
  await mesh.apply("Workflow", "many", {
    steps: [{ id: "m", kind: "map", over: "$.input.list", workflow: "child", concurrency: 4, input: { n: "$.item" } }],
    output: "$.steps.m.output.items",
  });
  const run = await finish(mesh, "many", { list: [5, 6, 7, 8, 9, 10] });
  assert.deepEqual(
    run.output,
    [5, 6, 7, 8, 9, 10].map((n) => ({ n })),
  );
  const listed = await (await mesh.client()).listRuns({ parentRunId: run.id }, { token: mesh.token });
  assert.equal(listed.runs.length, 6);
});

test("a team runs as the workflow team:<name>, by itself and as a step", async () => {
  await mesh.apply("Team", "writers", {
    pattern: "sequential",
    members: [
      { name: "draft", agent: "drafter" },
      { name: "polish", agent: "polisher" },
    ],
  });
  const alone = await finish(mesh, "team:writers", { topic: "tides" });
  assert.equal(alone.state, "RUN_STATE_SUCCEEDED", JSON.stringify(alone.failure));
  await mesh.apply("Workflow", "of-team", {
    steps: [{ id: "t", kind: "team", team: "writers", input: { topic: "$.input.topic" } }],
    output: "$.steps.t.output",
  });
  const run = await finish(mesh, "of-team", { topic: "tides" });
  assert.deepEqual(run.output, alone.output);
  assert.equal((await mesh.run(stepOf(run, "t").childRunId)).workflow, "team:writers");
});
