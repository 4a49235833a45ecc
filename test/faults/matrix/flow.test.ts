// Starts and definitions under fire: what started a run starts it once, and a run keeps the definition it began with.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { openPublisher } from "../mesh/publisher.ts";
import { applyTools, applyWorkflow, chainOf, effectStep } from "../mesh/resources.ts";
import { assertNothingOpen, assertOnce, assertOneHistory, endOf, startRun } from "../mesh/runs.ts";
import { withStreams } from "../mesh/streams.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const service = "orchestrator";
const both = ["orchestrator", "orchestrator-2"];

before(async () => {
  mesh = stack.use(await openFaultMesh());
  await applyTools(mesh);
  await applyWorkflow(mesh, "says", {
    steps: [
      effectStep("a"),
      {
        id: "say",
        kind: "emit",
        dependsOn: ["a"],
        event: { type: "fault.said", key: "$.input.mark" },
        input: { text: "$.steps.a.output.token" },
      },
    ],
  });
  await applyWorkflow(mesh, "child", chainOf("child"));
  await applyWorkflow(mesh, "parent", {
    steps: [
      { id: "sub", kind: "workflow", workflow: "child", input: { mark: "$.input.mark" } },
      effectStep("end", { dependsOn: ["sub"] }),
    ],
  });
  await applyWorkflow(mesh, "mapped", {
    steps: [
      {
        id: "items",
        kind: "map",
        over: "$.input.items",
        tool: "fault-stock",
        input: { mark: "$.input.mark", step: "item", index: "$.index" },
        concurrency: 3,
      },
    ],
    output: { total: "$.steps.items.output.total", ok: "$.steps.items.output.ok" },
  });
  await applyWorkflow(mesh, "waits", {
    steps: [
      {
        id: "paid",
        kind: "wait",
        event: { type: "fault.paid", publisher: "helpdesk", match: "$.data.mark", equals: "$.input.mark" },
      },
      effectStep("deliver", { dependsOn: ["paid"] }),
    ],
  });
});
after(() => stack.disposeAsync());

test("killed when an event's run is committed and the event not acknowledged: redelivered, it is one run", async () => {
  await applyWorkflow(mesh, "on-event", chainOf("a"));
  await mesh.apply("auth", "ServiceAccount", "fault-bot", {
    displayName: "Faults",
    department: "faults",
    project: "faults",
    roles: ["workflow_runner"],
  });
  await mesh.apply("orchestrator", "Trigger", "on-event", {
    event: { type: "fault.opened", publisher: "helpdesk" },
    workflow: "on-event",
    runAs: "fault-bot",
  });
  await using publisher = await openPublisher(mesh.mesh.publisherUrl);
  const mark = randomUUID();
  const struck = mesh.strike({ at: "committed", service, mentions: [mark] });
  await publisher.tell("fault.opened", mark, { mark });
  await struck;
  const id = await eventually(() => runOf(mark), { what: "the run of the event" });
  // The same event under another message id, so that only the engine can know it.
  await publisher.tell("fault.opened", mark, { mark }, `${mark}:again`);
  await eventually(async () => (await unacknowledged("fault.opened")) === 0, { what: "the event to be acknowledged" });
  const { rowCount } = await mesh.sql.query("SELECT 1 FROM orchestrator.run WHERE workflow = 'on-event'");
  assert.equal(rowCount, 1);
  await eventually(() => mesh.effects.book.applied(mark).length === 1, { what: "its effect" });
  assert.ok(id);
  await mesh.whole();
});

async function runOf(mark: string): Promise<string | undefined> {
  const { rows } = await mesh.sql.query<{ id: string }>(
    "SELECT id FROM orchestrator.run WHERE workflow = 'on-event' AND input->>'mark' = $1",
    [mark],
  );
  return rows[0]?.id;
}

/** Events of the type that no consumer has acknowledged. */
async function unacknowledged(type: string): Promise<number> {
  return withStreams(mesh, async (manager) => {
    let open = 0;
    for await (const { config, num_ack_pending, num_pending } of manager.consumers.list("EVENTS")) {
      if (JSON.stringify(config).includes(type)) open += num_ack_pending + num_pending;
    }
    return open;
  });
}

for (const at of ["publish", "published"] as const) {
  const when = at === "publish" ? "before it published an event" : "after it published an event, before it noted that";
  test(`killed ${when}: a peer publishes it, and the stream has it once`, async () => {
    const mark = randomUUID();
    const struck = mesh.strike({ at, service, name: `evt.${mesh.mesh.tenant}.orchestrator.fault.said.${mark}` });
    const run = await startRun(mesh, "says", {}, mark);
    await struck;
    await assertOnce(mesh, run, ["a"]);
    await eventually(async () => (await stored(mark)) > 0, { what: "the event in its stream" });
    await mesh.whole();
    await eventually(async () => (await unpublished()) === 0, { what: "an empty outbox" });
    assert.equal(await stored(mark), 1);
  });
}

function stored(mark: string): Promise<number> {
  return withStreams(mesh, async (manager) => {
    const { state } = await manager.streams.info("EVENTS", { subjects_filter: `evt.*.*.fault.said.${mark}` });
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0);
  });
}

async function unpublished(): Promise<number> {
  const { rows } = await mesh.sql.query<{ count: string }>("SELECT count(*) FROM orchestrator.outbox");
  return Number(rows[0]?.count);
}

test("killed when a child run has ended, before its parent heard: a peer tells the parent, once", async () => {
  const mark = randomUUID();
  using held = mesh.hold({ at: "committed", service, mentions: [`child#0:${mark}`] });
  const run = await startRun(mesh, "parent", {}, mark);
  const { process } = await held.seen();
  await mesh.mesh.kill(process);
  held.drop();
  await assertOnce(mesh, run, ["child", "end"]);
  const { rowCount } = await mesh.sql.query("SELECT 1 FROM orchestrator.run WHERE parent_run = $1", [run.id]);
  assert.equal(rowCount, 1);
  await mesh.whole();
});

test("killed when an item's result is committed and the worker not told: the map counts it once", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "committed", service, mentions: [`item#3:${mark}`] });
  const run = await startRun(mesh, "mapped", { items: [0, 1, 2, 3, 4, 5, 6, 7] }, mark);
  await struck;
  const ended = await endOf(mesh, run);
  assert.deepEqual(ended.output, { total: 8, ok: 8 });
  assert.deepEqual(
    mesh.effects.book
      .applied(mark)
      .map(({ index }) => index)
      .sort(),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  await assertOneHistory(mesh, run);
  await assertNothingOpen(mesh, run);
  await mesh.whole();
});

test("killed when an awaited event is stored and not acknowledged: redelivered, it is told once", async () => {
  await using publisher = await openPublisher(mesh.mesh.publisherUrl);
  const run = await startRun(mesh, "waits");
  const struck = mesh.strike({ at: "committed", service, mentions: ["arrived_event", run.mark] });
  await publisher.tell("fault.paid", run.mark, { mark: run.mark });
  await struck;
  await assertOnce(mesh, run, ["deliver"]);
  await mesh.whole();
});

test("a new version comes while both replicas die: the run ends as it began, the next one is new", async () => {
  await applyWorkflow(mesh, "versioned", chainOf("a", "b"));
  using asked = mesh.hold({ at: "asked", name: "a" });
  const old = await startRun(mesh, "versioned");
  await asked.seen();
  await applyWorkflow(mesh, "versioned", chainOf("a", "extra", "b"));
  await Promise.all(both.map((name) => mesh.mesh.kill(name)));
  asked.forward();
  const young = await startRun(mesh, "versioned");
  const first = await assertOnce(mesh, old, ["a", "b"]);
  const second = await assertOnce(mesh, young, ["a", "extra", "b"]);
  assert.deepEqual([first.version, second.version], [1, 2]);
  await mesh.whole();
});

const undoOf = (id: string) => ({
  compensate: { tool: "fault-stock", input: { mark: "$.input.mark", step: `undo-${id}` } },
});

test("both orchestrators killed in the middle of compensation: it goes on in order, each once", async () => {
  await applyWorkflow(mesh, "saga", {
    steps: [
      effectStep("a", undoOf("a")),
      effectStep("b", { dependsOn: ["a"], ...undoOf("b") }),
      effectStep("c", { dependsOn: ["b"], ...undoOf("c") }),
      effectStep("d", { dependsOn: ["c"], retry: { attempts: 1 } }, { refuse: true }),
    ],
  });
  for (const at of ["asked", "applied"] as const) {
    using undoing = mesh.hold({ at, name: "undo-b" });
    const run = await startRun(mesh, "saga");
    await undoing.seen();
    await Promise.all(both.map((name) => mesh.mesh.kill(name)));
    undoing.forward();
    await assertOnce(mesh, run, ["a", "b", "c", "undo-c", "undo-b", "undo-a"], "failed");
    await mesh.whole();
  }
});
