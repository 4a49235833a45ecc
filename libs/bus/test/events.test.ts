import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AppError } from "@agentmesh/errors";
import { eventually, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import type { Database, Transaction } from "@agentmesh/postgres";
import { headers } from "@nats-io/transport-node";
import {
  type Bus,
  consumeEvents,
  EVENTS_STREAM,
  emit,
  emitAll,
  emitRaw,
  eventSubject,
  type Received,
  startRelay,
} from "../src/index.ts";
import { appliedBy, type Happened, happened, openBus, openDb } from "./open.ts";

let environment: TestEnvironment;
let stack: AsyncDisposableStack;
let bus: Bus;
let db: Database;

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("cost", { redis: false }));
  db = stack.use(await openDb(environment));
  bus = stack.use(await openBus(environment));
  stack.use(startRelay(bus, db));
});
after(() => stack.disposeAsync());

function applyInto(consumer: string) {
  return async (tx: Transaction, events: readonly Received<Happened>[]) => {
    await tx.query("INSERT INTO applied SELECT $1, unnest($2::text[])", [consumer, events.map((each) => each.data.id)]);
  };
}

function deadLetters(consumer: string) {
  return db.query<{ reason: string; deliveries: number; headers: Record<string, string>; body: Buffer }>(
    "SELECT reason, deliveries, headers, body FROM dead_letter WHERE consumer = $1 ORDER BY id",
    [consumer],
  );
}

/** As a publisher would that is not one of ours. */
function publishRaw(subject: string, carried: Record<string, string>, body: string) {
  const all = headers();
  for (const [name, value] of Object.entries(carried)) all.set(name, value);
  return bus.js.publish(subject, body, { headers: all });
}

const attributes = (id: string, type: string) => ({
  "ce-specversion": "1.0",
  "ce-id": id,
  "ce-source": "test",
  "ce-type": type,
});

test("an event leaves with its transaction, carries its attributes, and is applied once", async () => {
  const event = happened("carried");
  const seen: Received<Happened>[] = [];
  await using _consumer = consumeEvents(bus, db, {
    event,
    async handle(_tx, events) {
      seen.push(...events);
    },
  });
  await assert.rejects(
    db.transaction(async (tx) => {
      await emit(tx, event, { tenant: "acme", data: { id: "undone" } });
      throw new Error("no");
    }),
  );
  await db.transaction((tx) => emit(tx, event, { tenant: "Acme Ltd.", data: { id: "a.b>*" }, id: "fixed-id" }));
  const [received] = await eventually(() => seen.length > 0 && seen, { what: "the event" });
  assert.deepEqual(
    { ...received, time: undefined },
    {
      id: "fixed-id",
      source: "mesh/cost",
      type: "carried",
      time: undefined,
      contentType: "application/protobuf",
      traceparent: undefined,
      tenant: "Acme_Ltd_",
      publisher: "cost",
      natsSubject: "evt.Acme_Ltd_.cost.carried.a_b__",
      data: { id: "a.b>*" },
    },
  );
  assert.ok(Math.abs((received?.time?.getTime() ?? 0) - Date.now()) < 10_000);
  await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 0, { what: "an empty outbox" });
  assert.equal(seen.length, 1);
});

test("what is published twice is applied once, in one batch or in two, also past JetStream's own window", async () => {
  const event = happened("twice");
  await using _consumer = consumeEvents(bus, db, { event, durable: "twice", handle: applyInto("twice") });
  const subject = eventSubject("acme", "cost", "twice", "k");
  for (let round = 0; round < 3; round++) {
    await Promise.all(["x", "x", "y"].map((id) => publishRaw(subject, attributes(id, "twice"), `{"id":"${id}"}`)));
  }
  await publishRaw(subject, attributes("last", "twice"), '{"id":"last"}');
  await eventually(async () => (await appliedBy(db, "twice")).includes("last"), { what: "the last event" });
  assert.deepEqual(await appliedBy(db, "twice"), ["last", "x", "y"]);
});

test("two replicas of a consumer share the events", async () => {
  const event = happened("shared");
  await using other = await openBus(environment);
  const options = { event, durable: "shared", maxBatch: 5, handle: applyInto("shared") };
  await using _first = consumeEvents(bus, db, options);
  await using _second = consumeEvents(other, db, options);
  const ids = Array.from({ length: 200 }, () => newId());
  await db.transaction((tx) =>
    emitAll(
      tx,
      event,
      ids.map((id) => ({ tenant: "acme", data: { id }, id })),
    ),
  );
  await eventually(async () => (await appliedBy(db, "shared")).length >= 200, { what: "200 events" });
  assert.deepEqual(await appliedBy(db, "shared"), ids);
});

test("a poison message goes to the dead letters, whole, while the others go on", async () => {
  const event = happened("poison");
  await using _consumer = consumeEvents(bus, db, { event, durable: "poison", handle: applyInto("poison") });
  const subject = eventSubject("acme", "cost", "poison", "k");
  await publishRaw(subject, attributes("bad", "poison"), "not json");
  await publishRaw(subject, { "ce-id": "half an event" }, '{"id":"half"}');
  for (const id of ["a", "b"]) await publishRaw(subject, attributes(id, "poison"), `{"id":"${id}"}`);
  await eventually(async () => (await appliedBy(db, "poison")).length === 2, {
    what: "the good ones",
    timeoutMs: 2000,
  });
  await eventually(async () => (await deadLetters("poison")).rowCount === 2, { what: "the dead" });
  const { rows } = await deadLetters("poison");
  assert.match(rows[0]?.reason ?? "", /^poison bad: its body is not valid protobuf/);
  assert.equal(rows[0]?.body.toString(), "not json");
  assert.equal(rows[0]?.headers["ce-id"], "bad");
  assert.match(rows[1]?.reason ?? "", /not a CloudEvent.*ce-specversion is nothing/);
  assert.equal(rows[0]?.deliveries, 1);
  await eventually(async () => (await bus.jsm.consumers.info(EVENTS_STREAM, "poison")).num_ack_pending === 0, {
    what: "nothing pending",
  });
});

test("characters that PostgreSQL cannot store do not make a message immortal", async () => {
  const event = happened("nul");
  await using _consumer = consumeEvents(bus, db, { event, durable: "nul", handle: applyInto("nul") });
  const subject = eventSubject("acme", "cost", "nul", "k");
  await publishRaw(subject, { ...attributes("a\u0000b", "nul"), extra: "c\u0000d" }, '{"id":"a"}');
  await eventually(async () => (await deadLetters("nul")).rowCount === 1, { what: "the dead one" });
  assert.match((await deadLetters("nul")).rows[0]?.reason ?? "", /ce-id/);
});

test("one bad event in a batch holds nobody up, and its handler's writes are undone each time", async () => {
  const event = happened("mixed");
  const deliveredAtMs: number[] = [];
  const apply = applyInto("mixed");
  const ids = ["1", "2", "bad", "4", "5"];
  await db.transaction((tx) =>
    emitAll(
      tx,
      event,
      ids.map((id) => ({ tenant: "acme", data: { id } })),
    ),
  );
  await using _consumer = consumeEvents(bus, db, {
    event,
    durable: "mixed",
    async handle(tx, events) {
      await apply(tx, events);
      if (!events.some((each) => each.data.id === "bad")) return;
      if (events.length === 1) deliveredAtMs.push(performance.now());
      throw new Error("cannot be applied");
    },
  });
  await eventually(async () => (await appliedBy(db, "mixed")).length === 4, { what: "the good", timeoutMs: 2000 });
  await eventually(async () => (await deadLetters("mixed")).rowCount === 1, { what: "the dead", timeoutMs: 25_000 });
  assert.deepEqual(await appliedBy(db, "mixed"), ["1", "2", "4", "5"]);
  assert.equal((await deadLetters("mixed")).rows[0]?.reason, "cannot be applied");
  const waitsMs = deliveredAtMs.slice(1).map((at, index) => at - (deliveredAtMs[index] ?? 0));
  assert.equal(waitsMs.length, 5);
  for (const [index, least] of [100, 500, 2000, 5000, 5000].entries()) {
    assert.ok((waitsMs[index] ?? 0) >= least * 0.95, `delivery ${index + 2} came after ${waitsMs[index]} ms`);
  }
});

test("while what the handler needs is UNAVAILABLE nothing is given up", async () => {
  const event = happened("away");
  let tries = 0;
  await using _consumer = consumeEvents(bus, db, {
    event,
    durable: "away",
    async handle(tx, events) {
      tries += 1;
      if (tries < 4) throw new AppError("UNAVAILABLE", "a peer is away");
      await applyInto("away")(tx, events);
    },
  });
  await db.transaction((tx) => emit(tx, event, { tenant: "acme", data: { id: "a" } }));
  await eventually(async () => (await appliedBy(db, "away")).length === 1, { what: "the event", timeoutMs: 15_000 });
  assert.equal((await deadLetters("away")).rowCount, 0);
});

test("a slow handler takes no more than two batches beyond the one in hand", async () => {
  const event = happened("slow");
  const ids = Array.from({ length: 500 }, () => newId());
  await db.transaction((tx) =>
    emitAll(
      tx,
      event,
      ids.map((id) => ({ tenant: "acme", data: { id } })),
    ),
  );
  await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 0, { what: "an empty outbox" });
  const held = Promise.withResolvers<void>();
  await using _consumer = consumeEvents(bus, db, {
    event,
    durable: "slow",
    maxBatch: 10,
    async handle(tx, events) {
      await held.promise;
      await applyInto("slow")(tx, events);
    },
  });
  const pending = async () => (await bus.jsm.consumers.info(EVENTS_STREAM, "slow")).num_ack_pending;
  await eventually(async () => (await pending()) >= 10, { what: "the prefetch" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  const most = await pending();
  held.resolve();
  assert.ok(most <= 30, `${most} messages are in this process's hands`);
  await eventually(async () => (await appliedBy(db, "slow")).length === 500, { what: "all of them" });
});

test("events that could never leave are refused before they are written", async () => {
  const raw = { tenant: "acme", publisher: "cost", key: "k", contentType: "application/json" };
  for (const type of ["", "a..b", ".a", "a b", "a.*", "a.>", "a\nb"]) {
    await assert.rejects(emitRaw(db, [{ ...raw, id: newId(), type, body: Buffer.from("{}") }]), {
      code: "INVALID_ARGUMENT",
      reason: "BAD_EVENT_TYPE",
    });
  }
  await assert.rejects(emitRaw(db, [{ ...raw, id: newId(), type: "big", body: Buffer.alloc(1024 * 1024) }]), {
    code: "INVALID_ARGUMENT",
    reason: "EVENT_TOO_LARGE",
  });
  assert.equal((await db.query("SELECT FROM outbox")).rowCount, 0);
});

test("a row that the server refuses stays and does not hold the others up", async () => {
  const event = happened("stuck");
  await using _consumer = consumeEvents(bus, db, { event, durable: "stuck", handle: applyInto("stuck") });
  await db.query("INSERT INTO outbox (msg_id, subject, headers, body) VALUES ('stuck', 'nobody.listens', '{}', '')");
  for (const id of ["a", "b"]) await db.transaction((tx) => emit(tx, event, { tenant: "acme", data: { id } }));
  await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 1, { what: "the others to leave" });
  await eventually(async () => (await appliedBy(db, "stuck")).length === 2, { what: "the others" });
  await db.query("DELETE FROM outbox");
});

test("what any service may publish, nobody outside may", async () => {
  const event = happened("open", "*");
  await using _consumer = consumeEvents(bus, db, { event, durable: "open", handle: applyInto("open") });
  await publishRaw(eventSubject("acme", "helpdesk", "open", "k"), attributes("forged", "open"), '{"id":"forged"}');
  await publishRaw(eventSubject("acme", "auth", "open", "k"), attributes("true", "open"), '{"id":"true"}');
  await eventually(async () => (await deadLetters("open")).rowCount === 1, { what: "the forged" });
  await eventually(async () => (await appliedBy(db, "open")).length > 0, { what: "the true one" });
  assert.deepEqual(await appliedBy(db, "open"), ["true"]);
});

test("ids older than any stream keeps leave the inbox", async () => {
  await db.query(
    `INSERT INTO inbox SELECT 'trimmed', 'old' || n, now() - interval '9 days' FROM generate_series(1, 2500) AS n`,
  );
  await db.query("INSERT INTO inbox VALUES ('trimmed', 'young', now() - interval '7 days')");
  await using _consumer = consumeEvents(bus, db, {
    event: happened("trimmed"),
    durable: "trimmed",
    handle: async () => undefined,
  });
  const left = () => db.query("SELECT msg_id FROM inbox WHERE consumer = 'trimmed'");
  await eventually(async () => (await left()).rowCount === 1, { what: "the old ids to go" });
  assert.deepEqual((await left()).rows, [{ msg_id: "young" }]);
});
