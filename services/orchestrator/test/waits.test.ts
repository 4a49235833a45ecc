import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, mock, test } from "node:test";
import { EVENTS_STREAM, eventSubject } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { openDatabase } from "@agentmesh/postgres";
import { createLogger } from "@agentmesh/telemetry";
import { headers } from "@nats-io/transport-node";
import { type ArrivedEvent, deliverEvents } from "../src/engine/deliver-events.ts";
import { retain } from "../src/engine/retention.ts";
import { waitConsumer } from "../src/triggers/wait-consumer.ts";
import { type Mesh, startMesh } from "./mesh.fixture.ts";
import { ended, isState, stepOf, tool, until } from "./runs.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(await startWorker(mesh, { name: "w1" }));
});
after(() => stack.disposeAsync());

const paid = {
  id: "paid",
  kind: "wait",
  event: { type: "order.paid", publisher: "shop", match: "$.data.order", equals: "$.input.order" },
};

function event(order: string, more: Partial<ArrivedEvent> = {}): ArrivedEvent {
  const data = { order, amount: 5, note: "a NUL \u0000 in it" };
  return {
    tenant: "acme",
    publisher: "shop",
    type: "order.paid",
    eventId: `e-${order}`,
    data,
    at: new Date(),
    ...more,
  };
}

async function deliver(...events: ArrivedEvent[]): Promise<void> {
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  await using db = await openDatabase({ url: mesh.env.postgresUrl, schema: "orchestrator", migrations: [], log });
  await db.transaction((tx) => deliverEvents({ wakeSignals() {} }, tx, events));
}

test("a timer that two sweepers see fires once", async () => {
  await mesh.apply("Workflow", "timer", {
    steps: [{ id: "t", kind: "wait", timerMs: 300 }, tool("a", { dependsOn: ["t"] })],
  });
  const runs = await Promise.all(Array.from({ length: 20 }, () => mesh.start("timer")));
  for (const { id } of runs) {
    assert.equal((await ended(mesh, id)).state, "RUN_STATE_SUCCEEDED");
    const events = await Array.fromAsync((await mesh.client(1)).watchRun({ id }, { token: mesh.token }));
    assert.equal(events.filter((one) => one.type === "step.succeeded" && one.node === "t").length, 1);
  }
});

test("a run waits for the event that is its own; a second delivery changes nothing", async () => {
  await mesh.apply("Workflow", "paid", { steps: [paid], output: "$.steps.paid.output.event.data" });
  const first = await mesh.start("paid", { order: "o-1" });
  const second = await mesh.start("paid", { order: "o-2" });
  await until(mesh, first.id, isState("paid", "STEP_STATE_WAITING"), "to wait");
  await deliver(event("o-1"), event("o-3"), event("o-2", { tenant: "other" }), event("o-2", { publisher: "fake" }));
  await deliver(event("o-1"));
  const run = await ended(mesh, first.id);
  assert.deepEqual(run.output, { order: "o-1", amount: 5, note: "a NUL \u0000 in it" });
  assert.equal(stepOf(await mesh.run(second.id), "paid").state, "STEP_STATE_WAITING");
  await deliver(event("o-2"));
  assert.equal((await ended(mesh, second.id)).state, "RUN_STATE_SUCCEEDED");
});

test("an event that is published on the bus reaches the run that waits for it, and a bad one harms nobody", async () => {
  await mesh.apply("Workflow", "bus", { steps: [paid], output: "$.steps.paid.output.event.data" });
  const { id } = await mesh.start("bus", { order: "o-bus" });
  async function publish(eventId: string, body: string): Promise<void> {
    const carried = headers();
    const attributes = { "ce-specversion": "1.0", "ce-id": eventId, "ce-source": "shop/eu", "ce-type": "order.paid" };
    for (const [name, value] of Object.entries(attributes)) carried.set(name, value);
    await mesh.bus.js.publish(eventSubject("acme", "shop", "order.paid", "k"), body, { headers: carried });
  }
  await publish("bad", "not json");
  await publish("card", '{"order":"o-bus","note":"4111 1111 1111 1111"}');
  const run = await ended(mesh, id);
  assert.deepEqual(run.output, { order: "o-bus", note: "[card ****1111]" });
});

test("an event that came since the run began counts also when the wait begins later; an older one does not", async () => {
  await mesh.apply("Workflow", "later", {
    steps: [
      { id: "ok", kind: "approval", title: "Go?" },
      { ...paid, dependsOn: ["ok"] },
    ],
  });
  await deliver(event("o-10"));
  const { id } = await mesh.start("later", { order: "o-10" });
  const early = await mesh.start("later", { order: "o-11" });
  await deliver(event("o-11"));
  const client = await mesh.client();
  for (const run of [id, early.id]) {
    const waiting = await until(mesh, run, isState("ok", "STEP_STATE_WAITING"), "its approval");
    const { argsHash } = stepOf(waiting, "ok");
    await client.decideApproval({ id: run, node: "ok", approve: true, argsHash }, { token: mesh.token });
  }
  assert.equal((await ended(mesh, early.id)).state, "RUN_STATE_SUCCEEDED");
  assert.equal(stepOf(await mesh.run(id), "paid").state, "STEP_STATE_WAITING");
  await client.cancelRun({ id }, { token: mesh.token });
});

test("an event that does not come in time fails its step", async () => {
  await mesh.apply("Workflow", "impatient", {
    steps: [{ ...paid, timeoutMs: 1000, onFailure: "continue" }],
    output: "$.steps.paid.state",
  });
  const { id } = await mesh.start("impatient", { order: "never" });
  assert.equal((await ended(mesh, id)).output, "failed");
});

test("many waits and events that are written at the same time all meet", async () => {
  const orders = Array.from({ length: 30 }, (_, index) => `m-${index}`);
  const [runs] = await Promise.all([
    Promise.all(orders.map((order) => mesh.start("paid", { order }))),
    ...orders.map((order) => deliver(event(order))),
  ]);
  const late = runs.filter((run) => run.id);
  await deliver(...orders.map((order) => event(order, { eventId: `again-${order}` })));
  for (const { id } of late) assert.equal((await ended(mesh, id)).state, "RUN_STATE_SUCCEEDED");
});

test("a value that no index could hold is waited for like any other, and harms nobody beside it", async () => {
  await mesh.apply("Workflow", "odd", { steps: [paid], output: "$.steps.paid.output.event.id" });
  const orders = [randomBytes(4000).toString("hex"), "a NUL \u0000 in it", "plain"];
  const runs = await Promise.all(orders.map((order) => mesh.start("odd", { order })));
  for (const { id } of runs) await until(mesh, id, isState("paid", "STEP_STATE_WAITING"), "to wait");
  await deliver(...orders.map((order, index) => event(order, { eventId: `odd-${index}` })));
  const outputs = await Promise.all(runs.map(async ({ id }) => (await ended(mesh, id)).output));
  assert.deepEqual(outputs, ["odd-0", "odd-1", "odd-2"]);
});

test("a wait for a value that the run does not have is not for events that lack it too", async () => {
  await mesh.apply("Workflow", "lacking", { steps: [{ ...paid, timeoutMs: 1500 }] });
  const { id } = await mesh.start("lacking");
  await until(mesh, id, isState("paid", "STEP_STATE_WAITING"), "to wait");
  await deliver(event("", { eventId: "no-order", data: { amount: 5 } }));
  assert.equal((await ended(mesh, id)).failure?.code, "WAIT_EXPIRED");
});

test("what nobody waits for any more is not listened for, and is again when somebody does", async () => {
  const once = { id: "w", kind: "wait", event: { type: "order.lost", publisher: "shop" } };
  const durable = waitConsumer({ tenant: "acme", publisher: "shop", type: "order.lost" });
  const isListened = () =>
    mesh.bus.jsm.consumers.info(EVENTS_STREAM, durable).then(
      () => true,
      () => false,
    );
  await mesh.apply("Workflow", "fleeting", { steps: [once] });
  await eventually(isListened, { what: "a consumer", timeoutMs: 30_000 });
  await (await mesh.client()).deleteResource({ kind: "Workflow", name: "fleeting" }, { token: mesh.token });
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  await using db = await openDatabase({ url: mesh.env.postgresUrl, schema: "orchestrator", migrations: [], log });
  await db.query("UPDATE event_match SET look_at = now() WHERE type = 'order.lost'");
  await retain(db, { ...KEEP_ALL, everyMs: 1000 }, new Date());
  await eventually(async () => !(await isListened()), { what: "no consumer", timeoutMs: 30_000 });
  await mesh.apply("Workflow", "fleeting", { steps: [once] });
  await eventually(isListened, { what: "a consumer again", timeoutMs: 30_000 });
});

const KEEP_ALL = { eventDays: 30, runDays: 30, archiveDays: 365, rejectionDays: 30, arrivedDays: 7 };

test("an event counts from the run's start on also where the clock of the replica is ahead", async () => {
  await mesh.apply("Workflow", "ahead", { steps: [paid] });
  mock.timers.enable({ apis: ["Date"], now: Date.now() + 20_000 });
  const { id } = await mesh.start("ahead", { order: "o-ahead" }).finally(() => mock.timers.reset());
  await deliver(event("o-ahead"));
  assert.equal((await ended(mesh, id)).state, "RUN_STATE_SUCCEEDED");
});
