import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import type { Claim } from "@agentmesh/proto/orchestrator";
import { type Mesh, operator, startMesh } from "./mesh.fixture.ts";
import { startWorker, type Worker } from "./worker.fixture.ts";

let mesh: Mesh;
let worker: Worker;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  worker = stack.use(await startWorker(mesh, { name: "w1", work: byTool }));
});
after(() => stack.disposeAsync());

/** Resolved when the test has seen the agent `waits` start. */
const watched = Promise.withResolvers<void>();

/** Tools of the tests, by name. */
async function byTool(claim: Claim) {
  if (claim.work?.work?.$case === "agent" && claim.work.work.value.agent === "waits") await watched.promise;
  const { work, attempt = 1 } = claim.work ?? {};
  const input: unknown = work?.value?.input;
  if (work?.$case === "agent") return { output: { agent: work.value.agent, score: 0.9 }, cost: 1000n };
  switch (work?.value?.tool) {
    case "score":
      return { output: { score: attempt === 1 ? 0.2 : 0.9 } };
    case "flaky":
      return attempt < 3
        ? { failure: { code: "UNAVAILABLE", message: "not yet", retryable: true } }
        : { output: { attempt } };
    case "broken":
      return { failure: { code: "INVALID_ARGUMENT", message: "no such thing", retryable: false } };
    default:
      return { output: input, cost: 5n };
  }
}

const tool = (id: string, more: object = {}) => ({ id, kind: "tool", tool: "echo", ...more });

async function finish(workflow: string, input: object = {}) {
  const { id } = await mesh.start(workflow, input);
  return eventually(
    async () => {
      const run = await mesh.run(id);
      return run.state !== "RUN_STATE_RUNNING" && run;
    },
    // On a busy machine an answer may come too late for its worker: then its lease has to end first.
    { what: `the end of ${workflow}`, timeoutMs: 90_000 },
  );
}

test("three steps in a row: mapped inputs, output, cost, states and watched events", async () => {
  await mesh.apply("Workflow", "row", {
    input: { type: "object", required: ["n"] },
    steps: [
      tool("a", { input: { n: "$.input.n" } }),
      { id: "b", kind: "agent", agent: "thinker", dependsOn: ["a"], input: { text: "$.steps.a.output.n" } },
      {
        id: "c",
        kind: "emit",
        dependsOn: ["b"],
        event: { type: "row.done", key: "$.input.n" },
        input: { score: "$.steps.b.output.score" },
      },
    ],
    output: { score: "$.steps.b.output.score", event: "$.steps.c.output.eventId" },
  });
  const emitted = mesh.bus.nc.subscribe("evt.acme.orchestrator.row.done.7", { max: 1 });
  const run = await finish("row", { n: 7 });
  assert.equal(run.state, "RUN_STATE_SUCCEEDED");
  assert.deepEqual(run.output, { score: 0.9, event: `${run.id}:c` });
  assert.equal(run.costNanoUsd, 1005n);
  assert.deepEqual(
    run.steps.map((step) => [step.node, step.state, step.epoch, step.attempt]),
    [
      ["a", "STEP_STATE_SUCCEEDED", 1, 1],
      ["b", "STEP_STATE_SUCCEEDED", 1, 1],
      ["c", "STEP_STATE_SUCCEEDED", 0, 1],
    ],
  );
  assert.deepEqual(run.steps[1]?.input, { text: 7 });
  assert.equal(run.subject, "user:test");
  for await (const message of emitted) {
    assert.equal(message.headers?.get("ce-id"), `${run.id}:c`);
    assert.deepEqual(message.json(), { score: 0.9 });
  }
  const client = await mesh.client(1);
  const seen: string[] = [];
  for await (const event of client.watchRun({ id: run.id }, { token: mesh.token }))
    seen.push(`${event.seq} ${event.type}`);
  assert.equal(seen[0], "1 run.started");
  assert.equal(seen.at(-1)?.split(" ")[1], "run.succeeded");
  const rest: number[] = [];
  for await (const event of client.watchRun({ id: run.id, afterSeq: 3 }, { token: mesh.token })) rest.push(event.seq);
  assert.deepEqual(
    rest,
    seen.slice(3).map((_, index) => index + 4),
    "a watch resumes after its cursor, without gaps",
  );
});

test("a watcher at the other replica sees an agent step start while it runs", async () => {
  await mesh.apply("Workflow", "slow", { steps: [{ id: "a", kind: "agent", agent: "waits" }] });
  const { id } = await mesh.start("slow");
  const seen: string[] = [];
  for await (const event of (await mesh.client(1)).watchRun({ id }, { token: mesh.token })) {
    seen.push(event.type);
    if (event.type === "step.started") watched.resolve();
  }
  assert.deepEqual(seen, ["run.started", "step.dispatched", "step.started", "step.succeeded", "run.succeeded"]);
});

test("a diamond whose branches complete at the same time joins once", async () => {
  const branches = Array.from({ length: 8 }, (_, index) => tool(`b${index}`, { dependsOn: ["a"], input: { index } }));
  await mesh.apply("Workflow", "diamond", {
    steps: [
      tool("a"),
      ...branches,
      tool("join", {
        dependsOn: branches.map((step) => step.id),
        input: branches.map((step) => `$.steps.${step.id}.output.index`),
      }),
    ],
    output: "$.steps.join.output",
  });
  const runs = await Promise.all(Array.from({ length: 10 }, () => finish("diamond")));
  for (const run of runs) assert.deepEqual(run.output, [0, 1, 2, 3, 4, 5, 6, 7]);
});

test("a failed gate retries, a flaky tool is retried with backoff, a broken one fails the run", async () => {
  const retry = { attempts: 3, delayMs: 10 };
  await mesh.apply("Workflow", "gated", {
    steps: [
      { ...tool("s", { gate: { value: "$.output.score", onFail: "retry" } }), tool: "score" },
      { ...tool("f", { dependsOn: ["s"], retry }), tool: "flaky" },
    ],
    output: { score: "$.steps.s.output.score", attempt: "$.steps.f.output.attempt" },
  });
  const run = await finish("gated");
  assert.deepEqual(run.output, { score: 0.9, attempt: 3 });
  assert.deepEqual(
    run.steps.map((step) => [step.attempt, step.epoch]),
    [
      [2, 2],
      [3, 3],
    ],
  );
  await mesh.apply("Workflow", "broken", {
    steps: [{ ...tool("x"), tool: "broken" }, tool("y", { dependsOn: ["x"] })],
  });
  const failed = await finish("broken");
  assert.deepEqual([failed.state, failed.failure?.code], ["RUN_STATE_FAILED", "INVALID_ARGUMENT"]);
  assert.match(failed.failure?.message ?? "", /step x: no such thing/);
  assert.equal(failed.steps[1]?.state, "STEP_STATE_CANCELLED");
});

test("a false condition skips a step, and the run goes on", async () => {
  await mesh.apply("Workflow", "conditional", {
    steps: [
      tool("high", { when: { value: "$.input.priority", in: ["P1", "P2"] } }),
      tool("low", { when: { not: { value: "$.input.priority", in: ["P1", "P2"] } } }),
      tool("after", { dependsOn: ["high", "low"], input: { high: "$.steps.high.state", low: "$.steps.low.state" } }),
    ],
    output: "$.steps.after.output",
  });
  assert.deepEqual((await finish("conditional", { priority: "P1" })).output, { high: "succeeded", low: "skipped" });
  assert.deepEqual((await finish("conditional", { priority: "P9" })).output, { high: "skipped", low: "succeeded" });
});

test("the same dedupe key is one run, at whatever replica and however many at once", async () => {
  await mesh.apply("Workflow", "once", { steps: [tool("a")] });
  const clients = await Promise.all([mesh.client(0), mesh.client(1)]);
  const replies = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      clients[index % 2]?.startWorkflow({ workflow: "once", dedupeKey: "ticket-1" }, { token: mesh.token }),
    ),
  );
  assert.equal(new Set(replies.map((reply) => reply?.id)).size, 1);
  const other = await mesh.start("once", {}, { dedupeKey: "ticket-2" });
  assert.notEqual(other.id, replies[0]?.id);
});

test("a run keeps the version it started with", async () => {
  await mesh.apply("Workflow", "pinned", {
    steps: [tool("a", { when: { value: "$.input.go", equals: true } })],
    output: "one",
  });
  const first = await finish("pinned");
  await mesh.apply("Workflow", "pinned", { steps: [tool("a")], output: "two" });
  const second = await finish("pinned");
  assert.deepEqual([first.output, first.workflowVersion, second.output, second.workflowVersion], ["one", 1, "two", 2]);
});

test("inputs that do not fit into one reply go back into the queue, and all are worked on", async () => {
  await mesh.apply("Workflow", "large", { steps: [tool("a", { input: "$.input" })], output: "$.steps.a.output.n" });
  const text = "x".repeat(400_000);
  const runs = await Promise.all(Array.from({ length: 30 }, (_, n) => finish("large", { n, text })));
  assert.deepEqual(
    runs.map((run) => [run.output, run.failure]),
    Array.from({ length: 30 }, (_, n) => [n, undefined]),
  );
  assert.ok(runs.every((run) => run.steps[0]?.attempt === 1));
});

test("what cannot start says why", async () => {
  const client = await mesh.client();
  const { token } = mesh;
  await assert.rejects(client.startWorkflow({ workflow: "nope" }, { token }), {
    code: "NOT_FOUND",
    reason: "UNKNOWN_WORKFLOW",
  });
  await assert.rejects(client.startWorkflow({ workflow: "row", input: {} }, { token }), {
    code: "INVALID_ARGUMENT",
    reason: "INVALID_INPUT",
    message: /workflow row: input must have required property 'n'/,
  });
  await assert.rejects(client.startWorkflow({ workflow: "row", dedupeKey: "event:x" }, { token }), {
    reason: "BAD_DEDUPE_KEY",
  });
  await assert.rejects(client.startWorkflow({ workflow: "row", priority: 10 }, { token }), { reason: "BAD_PRIORITY" });
  await assert.rejects(
    mesh.apply("Workflow", "cyclic", { steps: [tool("a", { dependsOn: ["b"] }), tool("b", { dependsOn: ["a"] })] }),
    {
      code: "INVALID_ARGUMENT",
      message: /wait for each other: a → b → a/,
    },
  );
  await assert.rejects(
    mesh.apply("Workflow", "typo", { steps: [{ ...tool("a"), dependOn: [] }] }),
    /unknown field "dependOn"/,
  );
});

test("runs are listed newest first by page, and another tenant sees and touches nothing", async () => {
  const client = await mesh.client();
  const all = await client.listRuns({ workflow: "diamond", pageSize: 500 }, { token: mesh.token });
  const first = await client.listRuns({ workflow: "diamond", pageSize: 4 }, { token: mesh.token });
  const second = await client.listRuns(
    { workflow: "diamond", pageSize: 500, pageToken: first.nextPageToken },
    { token: mesh.token },
  );
  assert.deepEqual(
    [...first.runs, ...second.runs].map((run) => run.id),
    all.runs.map((run) => run.id),
  );
  assert.deepEqual(
    all.runs.map((run) => run.id),
    all.runs
      .map((run) => run.id)
      .toSorted()
      .toReversed(),
  );
  assert.equal((await client.listRuns({ state: "RUN_STATE_RUNNING" }, { token: mesh.token })).runs.length, 0);
  await assert.rejects(client.listRuns({ pageToken: "x" }, { token: mesh.token }), { reason: "BAD_PAGE_TOKEN" });
  const id = all.runs[0]?.id ?? "";
  const foreign = await mesh.callers.token({ ...operator, tenant: "other" });
  const notFound = { code: "NOT_FOUND" };
  await assert.rejects(client.getRun({ id }, { token: foreign }), notFound);
  await assert.rejects(client.cancelRun({ id }, { token: foreign }), notFound);
  await assert.rejects(client.startWorkflow({ workflow: "row", input: { n: 1 } }, { token: foreign }), notFound);
  await assert.rejects(Array.fromAsync(client.watchRun({ id }, { token: foreign })), notFound);
  assert.deepEqual((await client.listRuns({}, { token: foreign })).runs, []);
  const gateway = await mesh.client();
  await assert.rejects(gateway.claimSteps({ worker: "x", steps: [] }), { reason: "WORKLOAD_NOT_ALLOWED" });
  const reader = await mesh.callers.token({ permissions: ["agent:read"] });
  await assert.rejects(client.cancelRun({ id }, { token: reader }), { reason: "MISSING_PERMISSION" });
  await assert.rejects(client.getRun({ id: "'; drop table run" }, { token: mesh.token }), notFound);
  assert.ok(worker.claimed > 0);
});
