import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { findServers } from "@agentmesh/local/find-server";
import { freePort } from "@agentmesh/local/free-port";
import { planNats } from "@agentmesh/local/nats";
import { type ServerHandle, startServer } from "@agentmesh/local/server";
import { natsUsers, renderNatsConfig } from "@agentmesh/nats";
import { type Publisher, writePublishers } from "@agentmesh/publishers";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, type NatsConnection, PermissionViolationError } from "@nats-io/transport-node";

const publishers: Publisher[] = [
  { tenant: "acme", publisher: "helpdesk", types: [], keys: [], password: "of-acme-helpdesk" },
  { tenant: "beta", publisher: "shop", types: [], keys: [], password: "of-beta-shop" },
];
const dir = mkdtempSync(join(tmpdir(), "agentmesh-accounts-"));
const passwords = Object.fromEntries(natsUsers().map((user) => [user, `of-${user}`]));
let server: ServerHandle;

before(async () => {
  const found = (await findServers({ names: ["nats"], log: console.error })).nats;
  assert.ok(found.from !== "url");
  writePublishers(join(dir, "publishers.yaml"), publishers);
  const plan = planNats({
    server: found,
    dir,
    port: await freePort(),
    user: { name: "admin", password: "of-admin" },
    renderConfig: (place) => renderNatsConfig({ ...place, passwords }),
  });
  server = await startServer(plan, join(dir, "log"));
  const admin = await signIn("admin");
  const streams = (await jetstreamManager(admin)).streams;
  await streams.add({ name: "EVENTS", subjects: ["evt.>"] });
  await streams.add({ name: "WORK", subjects: ["wf.>"] });
  await admin.close();
});

after(async () => {
  await server.stop();
  rmSync(dir, { recursive: true, force: true });
});

test("what a publisher publishes is acknowledged, and lies under its tenant and name", async () => {
  const publisher = await signIn("acme.helpdesk");
  const ack = await jetstream(publisher).publish("evt.ticket.opened.T-1", "{}", { msgID: "m-1" });
  assert.equal(ack.stream, "EVENTS");
  assert.equal(ack.duplicate, false);
  const again = await jetstream(publisher).publish("evt.ticket.opened.T-1", "{}", { msgID: "m-1" });
  assert.equal(again.duplicate, true);
  await publisher.close();
  assert.equal((await stored(ack.seq)).subject, "evt.acme.helpdesk.ticket.opened.T-1");
});

test("a publisher that names another tenant or publisher is stamped all the same", async () => {
  const publisher = await signIn("acme.helpdesk");
  const ack = await jetstream(publisher).publish("evt.beta.shop.order.placed.1", "{}");
  await publisher.close();
  assert.equal((await stored(ack.seq)).subject, "evt.acme.helpdesk.beta.shop.order.placed.1");
});

test("a publisher reads nothing: no events, no streams, no buckets", async () => {
  const publisher = await signIn("acme.helpdesk");
  await refused(publisher, "evt.>");
  await refused(publisher, ">");
  await refused(publisher, "$KV.>");
  await assert.rejects(publisher.request("$JS.API.STREAM.NAMES", "", { timeout: 1_000 }));
  await assert.rejects(publisher.request("$JS.API.STREAM.MSG.GET.EVENTS", '{"seq":1}', { timeout: 1_000 }));
  await publisher.close();
});

test("a service publishes events under its own name only, and only the orchestrator publishes work", async () => {
  const cost = await signIn("cost");
  const js = jetstream(cost);
  await js.publish("evt.acme.cost.budget.threshold.crossed.b-1", "x");
  await assert.rejects(js.publish("evt.acme.agent-runner.usage.recorded.a-1", "x", { timeout: 1_000 }));
  await assert.rejects(js.publish("evt.acme.helpdesk.ticket.opened.T-9", "x", { timeout: 1_000 }));
  await assert.rejects(js.publish("wf.step.acme", "x", { timeout: 1_000 }));
  await refused(cost, "evt.>");
  await cost.close();

  const orchestrator = await signIn("orchestrator");
  await jetstream(orchestrator).publish("wf.step.acme", "x");
  await jetstream(orchestrator).publish("evt.acme.orchestrator.ticket.triaged.T-1", "x");
  await orchestrator.close();
});

test("a service consumes durably and keeps snapshots, and destroys nothing", async () => {
  const alerting = await signIn("alerting");
  const manager = await jetstreamManager(alerting);
  await manager.consumers.add("EVENTS", { durable_name: "alerting", ack_policy: "explicit" });
  const consumer = await jetstream(alerting).consumers.get("EVENTS", "alerting");
  const message = await consumer.next({ expires: 2_000 });
  assert.ok(message);
  await message.ackAck();
  const bucket = await new Kvm(alerting).create("snapshots", { history: 1 });
  await bucket.put("resource_alertrule.acme.errors", "v1");
  // Whoever could name keys or roles in another's place would be that other.
  await assert.rejects(bucket.put("jwks.current", "forged"));
  await assert.rejects(bucket.put("resource_role.acme.admin", "forged"));
  const watched = await bucket.watch();
  for await (const entry of watched) {
    assert.equal(entry.string(), "v1");
    break;
  }
  await assert.rejects(alerting.request("$JS.API.STREAM.DELETE.EVENTS", "", { timeout: 1_000 }));
  await assert.rejects(alerting.request("$JS.API.STREAM.PURGE.EVENTS", "", { timeout: 1_000 }));
  await alerting.close();
});

test("a wrong password is refused", async () => {
  await assert.rejects(connect({ servers: server.url.replace(/\/\/.*@/, "//"), user: "cost", pass: "wrong" }));
});

async function signIn(user: string): Promise<NatsConnection> {
  return await connect({
    servers: `127.0.0.1:${server.port}`,
    user,
    pass: `of-${user.replace(".", "-")}`,
    reconnect: false,
  });
}

async function stored(seq: number): Promise<{ subject: string }> {
  const admin = await signIn("admin");
  const message = await (await jetstreamManager(admin)).streams.getMessage("EVENTS", { seq });
  await admin.close();
  assert.ok(message);
  return { subject: message.subject };
}

async function refused(connection: NatsConnection, subject: string): Promise<void> {
  const outcome = await new Promise((resolve) => {
    connection.subscribe(subject, { callback: (error) => resolve(error) });
    void connection
      .flush()
      .then(() => connection.flush())
      .then(() => resolve("subscribed"));
  });
  assert.ok(outcome instanceof PermissionViolationError, `subscribing to ${subject}: ${String(outcome)}`);
}
