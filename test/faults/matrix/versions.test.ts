// Starts and definitions under fire: what started a run starts it once, and a run keeps the definition it began with.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { jetstream } from "@nats-io/jetstream";
import { connect, headers } from "@nats-io/transport-node";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf, effectStep } from "../mesh/resources.ts";
import { assertOnce, startRun } from "../mesh/runs.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const service = "orchestrator";
const both = ["orchestrator", "orchestrator-2"];

before(async () => {
  mesh = stack.use(await openFaultMesh());
  await applyTools(mesh);
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
  const mark = randomUUID();
  const struck = mesh.strike({ at: "committed", service, mentions: [mark] });
  await publish(mark);
  await struck;
  const id = await eventually(() => runOf(mark), { what: "the run of the event" });
  // The same event under another message id, so that only the engine can know it.
  await publish(mark, `${mark}:again`);
  await eventually(async () => (await acknowledged()) === 0, { what: "the event to be acknowledged" });
  const { rowCount } = await mesh.sql.query("SELECT 1 FROM orchestrator.run WHERE workflow = 'on-event'");
  assert.equal(rowCount, 1);
  await eventually(() => mesh.effects.book.applied(mark).length === 1, { what: "its effect" });
  assert.ok(id);
  await mesh.whole();
});

async function publish(mark: string, messageId = mark): Promise<void> {
  const { host, username, password } = new URL(mesh.mesh.publisherUrl);
  const nc = await connect({ servers: host, user: username, pass: decodeURIComponent(password) });
  const attributes = headers();
  const values = {
    specversion: "1.0",
    id: mark,
    source: "faults",
    type: "fault.opened",
    time: new Date().toISOString(),
  };
  for (const [name, value] of Object.entries(values)) attributes.set(`ce-${name}`, value);
  attributes.set("content-type", "application/json");
  await jetstream(nc).publish(`evt.fault.opened.${mark}`, JSON.stringify({ mark }), {
    headers: attributes,
    msgID: messageId,
  });
  await nc.close();
}

async function runOf(mark: string): Promise<string | undefined> {
  const { rows } = await mesh.sql.query<{ id: string }>(
    "SELECT id FROM orchestrator.run WHERE workflow = 'on-event' AND input->>'mark' = $1",
    [mark],
  );
  return rows[0]?.id;
}

async function acknowledged(): Promise<number> {
  const { host, username, password } = new URL(mesh.mesh.natsUrl);
  const nc = await connect({ servers: host, user: username, pass: decodeURIComponent(password) });
  const manager = await jetstream(nc).jetstreamManager();
  let open = 0;
  for await (const consumer of manager.consumers.list("EVENTS")) {
    if (JSON.stringify(consumer.config).includes("fault.opened"))
      open += consumer.num_ack_pending + consumer.num_pending;
  }
  await nc.close();
  return open;
}

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
