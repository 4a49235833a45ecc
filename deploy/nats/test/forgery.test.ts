// What a publisher could try in order to speak for somebody else, each beside what it may do.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { jetstream } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, type NatsConnection, nkeyAuthenticator, PermissionViolationError } from "@nats-io/transport-node";
import { newKey, publisher, startTestServer, type TestServer } from "./server.ts";

const keys = { desk: newKey(), shop: newKey(), other: newKey(), unknown: newKey() };
const tenants = [
  publisher("acme.helpdesk", [keys.desk]),
  publisher("acme.shop", [keys.shop], ["order.placed", "cart.>"]),
  publisher("beta.helpdesk", [keys.other]),
];
const stack = new AsyncDisposableStack();
let server: TestServer;
let desk: NatsConnection;
let shop: NatsConnection;
let from = 0;

before(async () => {
  server = stack.use(await startTestServer(tenants));
  desk = stack.adopt(listen(await server.withSeed(keys.desk.seed)), (nc) => nc.close());
  shop = stack.adopt(await server.withSeed(keys.shop.seed), (nc) => nc.close());
});
beforeEach(async () => {
  from = (await server.lastSeq()) + 1;
});
after(() => stack.disposeAsync());

async function subjects(): Promise<string[]> {
  return (await server.stored(from)).map(({ subject }) => subject);
}

const said = new Map<NatsConnection, string[]>();

/** Keeps what the server complains about on this connection. */
function listen(nc: NatsConnection): NatsConnection {
  const lines: string[] = [];
  said.set(nc, lines);
  void (async () => {
    for await (const status of nc.status()) lines.push(status.type === "error" ? status.error.message : status.type);
  })();
  return nc;
}

/** Publishes without waiting for an answer, then waits until the server has seen it. Answers what it said. */
async function attempt(nc: NatsConnection, subject: string, reply?: string): Promise<string[]> {
  const before = said.get(nc)?.length ?? 0;
  nc.publish(subject, "forged", reply === undefined ? {} : { reply });
  await nc.flush();
  await nc.flush();
  return said.get(nc)?.slice(before) ?? [];
}

async function refusedToListen(nc: NatsConnection, subject: string): Promise<void> {
  const outcome = await new Promise((resolve) => {
    nc.subscribe(subject, { callback: (error) => resolve(error) });
    void nc
      .flush()
      .then(() => nc.flush())
      .then(() => resolve("subscribed"));
  });
  assert.ok(outcome instanceof PermissionViolationError, `listening to ${subject}: ${String(outcome)}`);
}

test("what a publisher publishes with its key is stored under its tenant and name", async () => {
  const ack = await jetstream(desk).publish("evt.ticket.opened.T-1", "{}", { msgID: "m-1" });
  assert.equal(ack.stream, "EVENTS");
  assert.ok((await jetstream(desk).publish("evt.ticket.opened.T-1", "{}", { msgID: "m-1" })).duplicate);
  assert.deepEqual(await subjects(), ["evt.acme.helpdesk.ticket.opened.T-1"]);
});

test("another publisher's or tenant's subject is only a longer name of its own", async () => {
  for (const subject of ["evt.acme.shop.order.placed.1", "evt.beta.helpdesk.ticket.opened.1", "evt.evt.acme.x.1"]) {
    await jetstream(desk).publish(subject, "{}");
  }
  assert.deepEqual(await subjects(), [
    "evt.acme.helpdesk.acme.shop.order.placed.1",
    "evt.acme.helpdesk.beta.helpdesk.ticket.opened.1",
    "evt.acme.helpdesk.evt.acme.x.1",
  ]);
});

test("nothing but evt can be published: no work, no snapshots, no JetStream, no system, nobody's inbox", async () => {
  const forbidden = [
    ...["wf.step.acme", "hint.runs", "$KV.snapshots.jwks.current", "$JS.API.STREAM.DELETE.EVENTS"],
    ...["$JS.ACK.EVENTS.x.1.1.1.1.0", "$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PING.CONNZ", "_INBOX.victim.1"],
    ...["_R_.victim", "_GR_.x", "evt", "acme.helpdesk.ticket.opened.1"],
  ];
  const admin = await server.as("admin");
  const heard: string[] = [];
  admin.subscribe(">", { callback: (_error, message) => void heard.push(message.subject) });
  await admin.flush();
  for (const subject of forbidden) {
    const said = await attempt(desk, subject);
    assert.ok(
      said.some((text) => /permissions violation/i.test(text)),
      `${subject}: ${said.join() || "nothing was said"}`,
    );
  }
  await jetstream(desk).publish("evt.ticket.opened.T-2", "{}");
  await admin.flush();
  assert.deepEqual(
    heard.filter((subject) => !/^(_INBOX|\$JS\.EVENT|_R_\.\w+)\./.test(subject)),
    ["evt.acme.helpdesk.ticket.opened.T-2"],
  );
  await admin.close();
});

test("it reads nothing: no events, no streams, no buckets, no answers of others", async () => {
  for (const subject of ["evt.>", ">", "*.>", "evt.acme.shop.>", "$KV.>", "$SYS.>", "$JS.>", "_R_.>"]) {
    await refusedToListen(desk, subject);
  }
  const spy: string[] = [];
  desk.subscribe("_INBOX.>", { callback: (_error, message) => void spy.push(message.subject) });
  await desk.flush();
  await jetstream(shop).publish("evt.order.placed.1", "{}");
  await server.as("cost").then(async (cost) => {
    await jetstream(cost).publish("evt.acme.cost.budget.threshold.crossed.b", "x");
    await cost.close();
  });
  await desk.flush();
  assert.deepEqual(spy, [], "an inbox in one account is not an inbox in another");
  for (const api of ["$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.MSG.GET.EVENTS"]) {
    await assert.rejects(desk.request(api, "", { timeout: 500 }), api);
  }
  await assert.rejects(new Kvm(desk).open("snapshots").then((bucket) => bucket.get("jwks.current")));
});

test("an answer's subject cannot be aimed: acknowledgements stay in the account, and in its limits", async () => {
  await attempt(shop, "evt.order.placed.2", "evt.payment.made.2");
  await attempt(shop, "evt.order.placed.3", "$JS.API.STREAM.PURGE.EVENTS");
  await attempt(shop, "evt.order.placed.4", "evt.acme.helpdesk.ticket.opened.4");
  await attempt(shop, "evt.order.placed.5", "$KV.snapshots.jwks.current");
  await jetstream(shop).publish("evt.order.placed.6", "{}");
  assert.deepEqual(
    await subjects(),
    [2, 3, 4, 5, 6].map((key) => `evt.acme.shop.order.placed.${key}`),
  );
});

test("a limited publisher publishes its types and no others", async () => {
  const js = jetstream(shop, { timeout: 500 });
  for (const subject of ["evt.order.placed.7", "evt.cart.changed.1", "evt.cart.item.added.2"]) {
    await js.publish(subject, "{}");
  }
  for (const subject of ["evt.order.cancelled.1", "evt.order.placed", "evt.order.placed.a.b", "evt.ticket.opened.1"]) {
    await assert.rejects(js.publish(subject, "{}"), subject);
  }
  assert.deepEqual(await subjects(), [
    "evt.acme.shop.order.placed.7",
    "evt.acme.shop.cart.changed.1",
    "evt.acme.shop.cart.item.added.2",
  ]);
});

test("a limit is the account's as well: without the client's permissions nothing else arrives either", async () => {
  const unlimited = (conf: string) => conf.replaceAll(/, permissions: \{.*\} \} \}/g, " }");
  await using open = await startTestServer([publisher("acme.shop", [keys.shop], ["order.placed"])], unlimited);
  const nc = listen(await open.withSeed(keys.shop.seed));
  const first = (await open.lastSeq()) + 1;
  const tried = [
    "evt.payment.made.1",
    "evt.acme.helpdesk.ticket.opened.1",
    "$JS.API.STREAM.PURGE.EVENTS",
    "wf.step.acme",
  ];
  for (const subject of tried)
    assert.deepEqual(await attempt(nc, subject), [], `${subject} is allowed, and goes nowhere`);
  await attempt(nc, "evt.order.placed.0", "evt.payment.made.2");
  await jetstream(nc).publish("evt.order.placed.1", "{}");
  await nc.close();
  assert.deepEqual(
    (await open.stored(first)).map(({ subject }) => subject),
    ["evt.acme.shop.order.placed.0", "evt.acme.shop.order.placed.1"],
  );
});

test("nobody signs in without the seed: not with the public key, another's key, a password or nothing", async () => {
  await assert.rejects(server.withSeed(keys.unknown.seed));
  await assert.rejects(server.as("acme.helpdesk"));
  await assert.rejects(server.as(keys.desk.entry.key));
  const servers = `127.0.0.1:${server.port}`;
  await assert.rejects(connect({ servers, reconnect: false }));
  // The public key, with a signature by another key.
  const own = nkeyAuthenticator(new TextEncoder().encode(keys.unknown.seed));
  const forged = (nonce?: string) => {
    const auth = own(nonce);
    return { sig: auth && "sig" in auth ? (auth.sig ?? "") : "", nkey: keys.desk.entry.key };
  };
  await assert.rejects(connect({ servers, reconnect: false, authenticator: forged }));
  const twin = await server.withSeed(keys.other.seed);
  await jetstream(twin).publish("evt.ticket.opened.1", "{}");
  await twin.close();
  assert.deepEqual(await subjects(), ["evt.beta.helpdesk.ticket.opened.1"]);
});
