import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { ended, finish, stepOf } from "./runs.fixture.ts";
import { startWorker, type Worker } from "./worker.fixture.ts";

let mesh: Mesh;
let worker: Worker;
const stack = new AsyncDisposableStack();
let busy = 0;
let mostBusy = 0;

before(async () => {
  mesh = stack.use(await startMesh());
  worker = stack.use(
    await startWorker(mesh, {
      name: "w1",
      work(claim) {
        const { work } = claim.work ?? {};
        const input: { n?: number; items?: number[] } = work?.value.input ?? {};
        busy += 1;
        mostBusy = Math.max(mostBusy, busy);
        setImmediate(() => {
          busy -= 1;
        });
        if (work?.$case === "tool" && work.value.tool === "sum") {
          return { output: (input.items ?? []).reduce((sum, item) => sum + item, 0) };
        }
        if (work?.$case === "tool" && work.value.tool === "odd-only" && (input.n ?? 0) % 2 === 0) {
          return { failure: { code: "INVALID_ARGUMENT", message: `${input.n} is even`, retryable: false } };
        }
        return { output: input.n };
      },
    }),
  );
});
after(() => stack.disposeAsync());

test("a map works on a few items at a time, keeps their order, and each can be read", async () => {
  await mesh.apply("Workflow", "small-map", {
    steps: [
      {
        id: "m",
        kind: "map",
        over: "$.input.list",
        tool: "echo",
        concurrency: 3,
        input: { n: "$.item", at: "$.index" },
      },
    ],
    output: "$.steps.m.output",
  });
  mostBusy = 0;
  const list = Array.from({ length: 20 }, (_, index) => index * 10);
  const run = await finish(mesh, "small-map", { list });
  assert.equal(run.state, "RUN_STATE_SUCCEEDED", JSON.stringify(run.failure));
  assert.deepEqual(run.output, { total: 20, ok: 20, failed: 0, items: list, failures: [] });
  assert.ok(mostBusy <= 3, `${mostBusy} at a time`);
  assert.deepEqual(stepOf(run, "m").progress, { total: 20, ok: 20, failed: 0, open: 0 });
  const client = await mesh.client(1);
  const first = await client.listSteps({ id: run.id, node: "m", pageSize: 15 }, { token: mesh.token });
  const second = await client.listSteps(
    { id: run.id, node: "m", pageSize: 15, pageToken: first.nextPageToken },
    { token: mesh.token },
  );
  assert.deepEqual(
    [...first.steps, ...second.steps].map((step) => step.shard),
    Array.from({ length: 21 }, (_, shard) => shard),
  );
  const item = await client.getStep({ id: run.id, node: "m", shard: 7 }, { token: mesh.token });
  assert.deepEqual([item.input, item.output], [{ n: 60, at: 6 }, 60]);
});

test("partial failure: enough items succeed, and the first failures are told", async () => {
  const step = { id: "m", kind: "map", over: "$.input.list", tool: "odd-only", input: { n: "$.item" } };
  await mesh.apply("Workflow", "half", {
    steps: [{ ...step, success: { share: 0.5 } }],
    output: "$.steps.m.output",
  });
  const run = await finish(mesh, "half", { list: [1, 2, 3, 4] });
  assert.deepEqual(run.output, {
    total: 4,
    ok: 2,
    failed: 2,
    items: [1, null, 3, null],
    failures: [
      { index: 1, code: "INVALID_ARGUMENT", message: "2 is even" },
      { index: 3, code: "INVALID_ARGUMENT", message: "4 is even" },
    ],
  });
  await mesh.apply("Workflow", "whole", { steps: [step] });
  assert.equal((await finish(mesh, "whole", { list: [1, 2] })).state, "RUN_STATE_FAILED");
});

test("10 000 items are mapped and reduced level by level, each worked on once", async () => {
  await mesh.apply("Workflow", "big-map", {
    deadlineMs: 600_000,
    steps: [
      { id: "m", kind: "map", over: "$.input.list", tool: "echo", concurrency: 500, input: { n: "$.item" } },
      {
        id: "sum",
        kind: "gather",
        from: ["m"],
        dependsOn: ["m"],
        concurrency: 20,
        reduce: { tool: "sum", batch: 100, input: { items: "$.items" } },
      },
    ],
    output: "$.steps.sum.output",
  });
  const count = 10_000;
  const before = worker.calls.size;
  const { id } = await mesh.start("big-map", { list: Array.from({ length: count }, (_, index) => index) });
  const began = performance.now();
  const client = await mesh.client();
  for await (const event of client.watchRun({ id }, { token: mesh.token })) void event;
  const run = await ended(mesh, id);
  assert.equal(run.state, "RUN_STATE_SUCCEEDED", JSON.stringify(run.failure));
  assert.equal(run.output, (count * (count - 1)) / 2);
  const calls = [...worker.calls.values()].slice(before);
  assert.equal(calls.length, count + 100 + 1);
  assert.ok(calls.every((times) => times === 1));
  assert.deepEqual(stepOf(run, "m").progress, { total: count, ok: count, failed: 0, open: 0 });
  console.log(`${count} items in ${Math.round(performance.now() - began)} ms`);
});

test("a reduce that is run again takes the items of the earlier run, and these can be read in the new one", async () => {
  const sum = {
    id: "sum",
    kind: "gather",
    from: ["m"],
    dependsOn: ["m"],
    reduce: { tool: "sum", batch: 4, input: { items: "$.items" } },
  };
  await mesh.apply("Workflow", "sums", {
    steps: [{ id: "m", kind: "map", over: "$.input.list", tool: "echo", input: { n: "$.item" } }, sum],
    output: "$.steps.sum.output",
  });
  const first = await finish(mesh, "sums", { list: Array.from({ length: 30 }, (_, index) => index) });
  assert.equal(first.output, 435);
  const client = await mesh.client(1);
  const { id } = await client.rerunRun({ id: first.id, from: "sum" }, { token: mesh.token });
  const run = await ended(mesh, id);
  assert.deepEqual([run.state, run.output], ["RUN_STATE_SUCCEEDED", 435]);
  assert.deepEqual(stepOf(run, "m").progress, { total: 30, ok: 30, failed: 0, open: 0 });
  const item = await client.getStep({ id, node: "m", shard: 8 }, { token: mesh.token });
  assert.equal(item.output, 7);
});

test("a run with a map in work is cancelled with all its items", async () => {
  await mesh.apply("Workflow", "slow-map", {
    steps: [
      {
        id: "m",
        kind: "map",
        over: "$.input.list",
        agent: "nobody",
        concurrency: 5,
        input: "$.item",
        retry: { attempts: 1 },
      },
    ],
  });
  const client = await mesh.client();
  const { id } = await mesh.start("slow-map", { list: Array.from({ length: 500 }, (_, index) => ({ n: index })) });
  await client.cancelRun({ id }, { token: mesh.token });
  const run = await ended(mesh, id);
  if (run.state === "RUN_STATE_SUCCEEDED") return;
  assert.equal(run.state, "RUN_STATE_CANCELLED");
  const { steps } = await client.listSteps({ id, pageSize: 500 }, { token: mesh.token });
  assert.ok(steps.every((step) => ["STEP_STATE_SUCCEEDED", "STEP_STATE_CANCELLED"].includes(step.state)));
});
