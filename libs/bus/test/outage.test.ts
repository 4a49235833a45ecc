import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, freePort, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import type { Database, Transaction } from "@agentmesh/postgres";
import { createMetrics } from "@agentmesh/telemetry";
import {
  type Bus,
  connectBus,
  consumeEvents,
  EVENTS_STREAM,
  emit,
  emitAll,
  type Received,
  startRelay,
} from "../src/index.ts";
import { restoreLost } from "../src/restore-lost.ts";
import { appliedBy, type Happened, happened, log, openBus, openDb } from "./open.ts";

let environment: TestEnvironment;
let stack: AsyncDisposableStack;
let bus: Bus;
let db: Database;

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("cost", { redis: false }));
  db = stack.use(await openDb(environment));
  bus = stack.use(await openBus(environment));
});
after(() => stack.disposeAsync());

const patience = { timeoutMs: 45_000 };

/** Emits, a transaction each, while something happens; then everything must have been applied, each once. */
async function everyEventOnce(name: string, inTheMiddle: () => Promise<unknown>): Promise<void> {
  const event = happened(name);
  const ids = Array.from({ length: 300 }, () => newId());
  await using _relay = startRelay(bus, db);
  await using _consumer = consumeEvents(bus, db, {
    event,
    durable: name,
    async handle(tx, events) {
      await tx.query("INSERT INTO applied SELECT $1, unnest($2::text[])", [name, events.map((each) => each.data.id)]);
    },
  });
  await eventually(async () => await bus.jsm.consumers.info(EVENTS_STREAM, name), { what: "the consumer" });
  for (const [index, id] of ids.entries()) {
    await db.transaction((tx) => emit(tx, event, { tenant: "acme", data: { id }, id }));
    if (index === 150) await inTheMiddle();
  }
  await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 0, {
    what: "the outbox",
    ...patience,
  });
  await eventually(async () => (await appliedBy(db, name)).length >= ids.length, { what: "all events", ...patience });
  assert.deepEqual(await appliedBy(db, name), ids);
}

test("a kill of NATS in the middle loses and repeats nothing", async () => {
  let back = Promise.resolve();
  await everyEventOnce("killed", async () => {
    await environment.nats.kill();
    back = environment.nats.restart();
  });
  await back;
});

test("the loss of the consumer in the middle loses and repeats nothing", async () => {
  await everyEventOnce("unconsumed", () => bus.jsm.consumers.delete(EVENTS_STREAM, "unconsumed"));
});

test("the loss of the stream while events wait for it loses and repeats nothing", async () => {
  await everyEventOnce("streamless", async () => {
    await eventually(async () => (await appliedBy(db, "streamless")).length > 100, { what: "some events" });
    await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 0, { what: "the outbox" });
    await eventually(async () => (await bus.jsm.consumers.info(EVENTS_STREAM, "streamless")).num_ack_pending === 0, {
      what: "a quiet moment",
    });
    await bus.jsm.streams.delete(EVENTS_STREAM);
  });
});

for (const [loss, lose] of [
  ["purged", () => bus.jsm.streams.purge(EVENTS_STREAM)],
  ["deleted", () => bus.jsm.streams.delete(EVENTS_STREAM)],
  ["lost with all that NATS has", loseAllData],
] as const) {
  test(`events that nobody had consumed are published again when their stream is ${loss}`, async () => {
    const name = `unread-${loss.slice(0, 4)}`;
    const event = happened(name);
    const ids = Array.from({ length: 50 }, () => newId());
    await using _relay = startRelay(bus, db);
    const handle = async (tx: Transaction, events: readonly Received<Happened>[]) => {
      await tx.query("INSERT INTO applied SELECT $1, unnest($2::text[])", [name, events.map((each) => each.data.id)]);
    };
    await db.transaction((tx) =>
      emitAll(
        tx,
        event,
        ids.slice(0, 20).map((id) => ({ tenant: "acme", data: { id }, id })),
      ),
    );
    {
      await using _consumer = consumeEvents(bus, db, { event, durable: name, handle });
      await eventually(async () => (await appliedBy(db, name)).length === 20, { what: "the first events" });
    }
    await db.transaction((tx) =>
      emitAll(
        tx,
        event,
        ids.slice(20).map((id) => ({ tenant: "acme", data: { id }, id })),
      ),
    );
    await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 0, { what: "an empty outbox" });
    await lose();
    await using _consumer = consumeEvents(bus, db, { event, durable: name, handle });
    await eventually(async () => (await appliedBy(db, name)).length >= 50, { what: "all events", ...patience });
    await eventually(async () => (await db.query("SELECT FROM outbox")).rowCount === 0, { what: "an empty outbox" });
    assert.deepEqual(await appliedBy(db, name), ids);
  });
}

async function loseAllData(): Promise<void> {
  await environment.nats.stop();
  rmSync(join(environment.dir, "nats", "jetstream"), { recursive: true });
  await environment.nats.restart();
}

test("what was sent long ago is forgotten, and what is well is not sent again", async () => {
  await db.query("UPDATE outbox_sent SET sent_at = now() - interval '11 minutes'");
  const event = happened("young");
  await db.transaction((tx) => emit(tx, event, { tenant: "acme", data: { id: "young" } }));
  await using relay = startRelay(bus, db);
  await relay.flush();
  const sent = () => db.query<{ subject: string }>("SELECT subject FROM outbox_sent");
  await eventually(async () => (await sent()).rowCount === 1, { what: "the old to be forgotten" });
  assert.deepEqual((await sent()).rows, [{ subject: "evt.acme.cost.young.young" }]);
  const { state } = await bus.jsm.streams.info(EVENTS_STREAM);
  await restoreLost(bus, db);
  await relay.flush();
  assert.equal((await bus.jsm.streams.info(EVENTS_STREAM)).state.last_seq, state.last_seq);
});

test("a server that is down at start is waited for by name, and no longer than the bound", async () => {
  const url = `nats://someone:hunter2@127.0.0.1:${await freePort()}`;
  const startedAtMs = performance.now();
  const opening = connectBus({ url, service: "cost", log, metrics: createMetrics({}), startTimeoutMs: 300 });
  await assert.rejects(opening, (error: Error & { code: string }) => {
    assert.equal(error.code, "UNAVAILABLE");
    assert.match(error.message, /NATS with JetStream at \S+ did not answer within 300 ms: .*check NATS_URL/);
    assert.doesNotMatch(error.message, /hunter2/);
    return true;
  });
  assert.ok(performance.now() - startedAtMs < 5000);
});

test("a consumer that ends while it begins ends at once", async () => {
  for (let i = 0; i < 10; i++) {
    const consumer = consumeEvents(bus, db, { event: happened("brief"), handle: async () => undefined });
    for (let turn = 0; turn < i * 40; turn++) await Promise.resolve();
    const startedAtMs = performance.now();
    await consumer[Symbol.asyncDispose]();
    assert.ok(performance.now() - startedAtMs < 1000);
  }
});

test("everything closes in time while the server is away", async () => {
  const own = new AsyncDisposableStack();
  const away = own.use(await openBus(environment));
  own.use(startRelay(away, db));
  for (const type of ["one", "two", "three"]) {
    own.use(consumeEvents(away, db, { event: happened(type), durable: type, handle: async () => undefined }));
    await eventually(async () => await away.jsm.consumers.info(EVENTS_STREAM, type), { what: "the consumer" });
  }
  await environment.nats.kill();
  await eventually(() => !away.connected, { what: "the loss to be noticed" });
  await db.query("INSERT INTO outbox (msg_id, subject, headers, body) VALUES ('x', 'evt.a.b.c.d', '{}', '')");
  const startedAtMs = performance.now();
  await own.disposeAsync();
  const tookMs = performance.now() - startedAtMs;
  await environment.nats.restart();
  assert.ok(tookMs < 12_000, `closing took ${tookMs} ms`);
});
