import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventSubject, publishSnapshots } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { headers } from "@nats-io/transport-node";
import { type Mesh, operator, startMesh } from "./mesh.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

let mesh: Mesh;
const stack = new AsyncDisposableStack();

before(async () => {
  mesh = stack.use(await startMesh());
  stack.use(await startWorker(mesh, { name: "w1" }));
  const row = (name: string, spec: object) => async () => [
    { key: `acme.${name}`, version: 1, value: { tenant: "acme", name, version: 1, labels: {}, spec } },
  ];
  stack.use(await publishSnapshots(mesh.bus, "resource_tool", row("echo", {})));
  stack.use(await publishSnapshots(mesh.bus, "resource_agent", row("thinker", {})));
  stack.use(await publishSnapshots(mesh.bus, "resource_serviceaccount", row("desk", {})));
  const rules = [
    { kind: "ssn", action: "block" },
    { kind: "iban", action: "allow" },
    { kind: "soul", action: "block" },
  ];
  stack.use(await publishSnapshots(mesh.bus, "resource_datapolicy", row("all", { rules, retentionDays: 30 })));
  await mesh.apply("Workflow", "triage", {
    input: { type: "object", required: ["ticket_id"], properties: { ticket_id: { type: "string" } } },
    steps: [{ id: "a", kind: "tool", tool: "echo", input: "$.input" }],
    output: "$.steps.a.output",
  });
  await mesh.apply("Trigger", "tickets", {
    event: { type: "ticket.opened", publisher: "helpdesk" },
    workflow: "triage",
    runAs: "desk",
    maxBytes: 2000,
  });
});
after(() => stack.disposeAsync());

type Sent = { id?: string; body: string | Uint8Array; drop?: string; contentType?: string; key?: string };

async function send({ id = "e-1", body, drop, contentType = "application/json", key = "t1" }: Sent): Promise<void> {
  const carried = headers();
  const attributes = {
    "ce-specversion": "1.0",
    "ce-id": id,
    "ce-source": "desk/eu",
    "ce-type": "ticket.opened",
    "content-type": contentType,
  };
  for (const [name, value] of Object.entries(attributes)) if (name !== drop) carried.set(name, value);
  await mesh.bus.js.publish(eventSubject("acme", "helpdesk", "ticket.opened", key), body, { headers: carried });
}

async function runsOf(eventId: string) {
  const client = await mesh.client();
  const { runs } = await client.listRuns({ workflow: "triage", pageSize: 500 }, { token: mesh.token });
  return runs.filter((run) => run.origin === `trigger:tickets:${eventId}`);
}

async function rejections() {
  const client = await mesh.client();
  return (await client.listRejections({ pageSize: 500 }, { token: mesh.token })).rejections;
}

test("an event starts a run that acts for the trigger's service account; delivered twice it is one run", async () => {
  for (let time = 0; time < 3; time++) await send({ id: "good-1", body: '{"ticket_id":"T1"}' });
  const run = await eventually(
    async () => (await runsOf("good-1")).find((one) => one.state === "RUN_STATE_SUCCEEDED"),
    {
      what: "the run of the event",
    },
  );
  assert.deepEqual([run.subject, run.output], ["svc:desk", { ticket_id: "T1" }]);
  assert.equal(run.dedupeKey, "event:helpdesk:desk/eu#good-1");
  assert.equal((await runsOf("good-1")).length, 1);
});

test("a burst starts each run once, and duplicates in it start none", async () => {
  const ids = Array.from({ length: 200 }, (_, index) => `burst-${index % 100}`);
  await Promise.all(ids.map((id) => send({ id, body: JSON.stringify({ ticket_id: id }) })));
  const client = await mesh.client();
  await eventually(
    async () => {
      const { runs } = await client.listRuns({ workflow: "triage", pageSize: 500 }, { token: mesh.token });
      const burst = runs.filter((run) => run.origin.includes(":burst-"));
      return burst.length === 100 && burst.every((run) => run.state === "RUN_STATE_SUCCEEDED");
    },
    { what: "100 runs to end" },
  );
});

test("bad events start nothing, each kept with its reason, and the good one behind them starts", async () => {
  const before = (await rejections()).length;
  await send({ id: "bad-1", body: "{}", drop: "ce-specversion" });
  await send({ id: "bad-2", body: "{not json" });
  await send({ id: "bad-3", body: JSON.stringify({ ticket_id: "x".repeat(3000) }) });
  await send({ id: "bad-4", body: '{"ticket":"T1"}' });
  await send({ id: "bad-5", body: "[1]" });
  await send({ id: "bad-6", body: '{"ticket_id":"my ssn is 536-22-8721, social security"}' });
  await send({ id: "bad-7", body: new Uint8Array([123, 255, 125]) });
  await send({ id: "bad-8", body: `${"[".repeat(500)}${"]".repeat(500)}` });
  await send({ id: "bad-9", body: "x", contentType: "application/protobuf" });
  await send({ id: "", body: "{}" });
  await send({ id: "bad-\u0001", body: '{"ticket_id":"T3"}' });
  await send({ id: "good-2", body: '{"ticket_id":"T2"}' });
  await eventually(async () => (await runsOf("good-2"))[0], { what: "the good event's run" });
  const found = await eventually(
    async () => {
      const all = await rejections();
      return all.length >= before + 11 && all;
    },
    { what: "eleven rejections" },
  );
  const codes = Object.fromEntries(found.map((one) => [one.eventId, one.code]));
  assert.deepEqual(codes, {
    "bad-1": "NOT_A_CLOUD_EVENT",
    "bad-2": "BAD_JSON",
    "bad-3": "TOO_LARGE",
    "bad-4": "INVALID_INPUT",
    "bad-5": "INVALID_INPUT",
    "bad-6": "DLP_BLOCKED",
    "bad-7": "BAD_JSON",
    "bad-8": "BAD_JSON",
    "bad-9": "BAD_JSON",
    "": "NOT_A_CLOUD_EVENT",
    "bad-\u0001": "NOT_A_CLOUD_EVENT",
  });
  assert.ok(found.every((one) => one.trigger === "tickets" && one.subject.startsWith("evt.acme.helpdesk.")));
  assert.match(found.find((one) => one.eventId === "bad-4")?.message ?? "", /must have required property 'ticket_id'/);
  const foreign = await mesh.callers.token({ ...operator, tenant: "other" });
  assert.deepEqual((await (await mesh.client()).listRejections({}, { token: foreign })).rejections, []);
});

test("a card in an event is redacted before anybody sees it, and told", async () => {
  const told = mesh.bus.nc.subscribe("evt.acme.orchestrator.dlp.found.>", { max: 1 });
  await send({ id: "card-1", body: '{"ticket_id":"charged 4111 1111 1111 1111 twice"}' });
  for await (const message of told) assert.match(message.subject, /card-1$/);
  const run = await eventually(async () => (await runsOf("card-1"))[0], { what: "the run" });
  assert.doesNotMatch(JSON.stringify(run.input), /4111 1111/);
});

test("references that do not exist are refused when applied, with what to do", async () => {
  const step = (more: object) => ({ steps: [{ id: "a", ...more }] });
  await assert.rejects(mesh.apply("Workflow", "w1", step({ kind: "tool", tool: "nope" })), {
    reason: "UNKNOWN_TOOL",
    message: /steps\[0\]\.tool: there is no Tool nope; apply it first/,
  });
  await assert.rejects(mesh.apply("Workflow", "w1", step({ kind: "agent", agent: "nope" })), {
    reason: "UNKNOWN_AGENT",
  });
  const trigger = { event: { type: "a.b", publisher: "helpdesk" }, workflow: "triage", runAs: "desk" };
  await assert.rejects(mesh.apply("Trigger", "t1", { ...trigger, workflow: "nope" }), { reason: "UNKNOWN_WORKFLOW" });
  await assert.rejects(mesh.apply("Trigger", "t1", { ...trigger, runAs: "nope" }), {
    reason: "UNKNOWN_SERVICE_ACCOUNT",
  });
});

test("a trigger that is deleted listens no more; made again it starts with what comes from then on", async () => {
  const client = await mesh.client();
  const spec = { event: { type: "ticket.opened", publisher: "helpdesk" }, workflow: "triage", runAs: "desk" };
  await client.deleteResource({ kind: "Trigger", name: "tickets" }, { token: mesh.token });
  await eventually(async () => (await consumerNames()).length === 0, { what: "the consumer to go" });
  await send({ id: "late-1", body: '{"ticket_id":"L1"}' });
  await mesh.apply("Trigger", "tickets", spec);
  await eventually(async () => (await consumerNames()).length === 1, { what: "the new consumer" });
  await send({ id: "late-2", body: '{"ticket_id":"L2"}' });
  await eventually(async () => (await runsOf("late-2"))[0], { what: "the run of the later event" });
  assert.deepEqual(await runsOf("late-1"), []);
});

async function consumerNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const consumer of mesh.bus.jsm.consumers.list("EVENTS")) {
    if (consumer.name.startsWith("orchestrator-trigger-")) names.push(consumer.name);
  }
  return names;
}
