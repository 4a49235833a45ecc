import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
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
