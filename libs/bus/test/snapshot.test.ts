import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import {
  type Bus,
  publishSnapshots,
  SNAPSHOT_BUCKET,
  type Snapshot,
  type SnapshotRow,
  watchSnapshot,
} from "../src/index.ts";
import { openBus } from "./open.ts";

let environment: TestEnvironment;
let bus: Bus;
let owner: Bus;

before(async () => {
  environment = await testEnvironment("cost", { postgres: false, redis: false });
  bus = await openBus(environment);
  owner = await openBus(environment, "auth");
});
after(async () => {
  await bus[Symbol.asyncDispose]();
  await owner[Symbol.asyncDispose]();
  await environment[Symbol.asyncDispose]();
});

const parse = (value: unknown) => {
  if (typeof value !== "string") throw new Error("expected a text");
  return value;
};

const watch = (topic: string, maxStaleMs?: number): Snapshot<string> =>
  watchSnapshot(bus, { topic, parse, ...(maxStaleMs !== undefined && { maxStaleMs }) });

const row = (key: string, version: number): SnapshotRow => ({ key, version, value: `${key}@${version}` });
const deleted = (key: string, version: number): SnapshotRow => ({ key, version, value: undefined });

/** What a watcher finds that starts now. */
async function latecomer(topic: string): Promise<Record<string, string>> {
  await using late = watch(topic);
  await late.loaded;
  return Object.fromEntries(late.entries());
}

async function loseAllData(): Promise<void> {
  await environment.nats.stop();
  rmSync(join(environment.dir, "nats", "jetstream"), { recursive: true });
  await environment.nats.restart();
}

test("watchers see what is there, what changes and what goes, early and late", async () => {
  const changes: [string, string | undefined][] = [];
  await using early = watchSnapshot(bus, {
    topic: "roles",
    parse,
    onChange: (key, value) => changes.push([key, value]),
  });
  await using publisher = await publishSnapshots(owner, "roles", async () => [row("acme.a", 1), row("acme.b", 1)]);
  await eventually(() => early.size === 2, { what: "both rows" });
  await publisher.put(row("acme.a", 2));
  await publisher.put(deleted("acme.b", 2));
  await publisher.put(row("acme.c", 1));
  await eventually(() => early.get("acme.c"), { what: "the last row" });
  assert.deepEqual(Object.fromEntries(early.entries()), { "acme.a": "acme.a@2", "acme.c": "acme.c@1" });
  assert.equal(early.size, 2);
  assert.deepEqual(await latecomer("roles"), { "acme.a": "acme.a@2", "acme.c": "acme.c@1" });
  assert.deepEqual(changes.slice(2), [
    ["acme.a", "acme.a@2"],
    ["acme.b", undefined],
    ["acme.c", "acme.c@1"],
  ]);
});

test("a topic is loaded when there is nothing of it, though the bucket has others and its owner is silent", async () => {
  await using _other = await publishSnapshots(owner, "other", async () => [row("x", 1)]);
  assert.deepEqual(await latecomer("nobodys"), {});
});

test("an older version never replaces a newer one, in the bucket or in memory, nor brings a deleted row back", async () => {
  await using early = watch("order");
  await using first = await publishSnapshots(owner, "order", async () => []);
  await using second = await publishSnapshots(bus, "order", async () => []);
  await Promise.all([first.put(row("a", 5)), second.put(row("a", 4)), second.put(row("a", 3)), first.put(row("b", 1))]);
  await first.put(deleted("gone", 2));
  await second.put(row("gone", 1));
  await second.put(row("last", 1));
  await eventually(() => early.get("last"), { what: "the last row" });
  const expected = { a: "a@5", b: "b@1", last: "last@1" };
  assert.deepEqual(Object.fromEntries(early.entries()), expected);
  assert.deepEqual(await latecomer("order"), expected);
  // A replica of an older version may still write blindly: readers hold against that as well.
  const kv = await bus.snapshots();
  await kv.put("order.gone", JSON.stringify({ version: 1, value: "back" }));
  await kv.put("order.a", JSON.stringify({ version: 1, value: "old" }));
  await second.put(row("last", 2));
  await eventually(() => early.get("last") === "last@2", { what: "the last row" });
  assert.deepEqual(Object.fromEntries(early.entries()), { ...expected, last: "last@2" });
});

test("a row that is not understood leaves the last good one", async () => {
  await using watched = watch("odd");
  await using publisher = await publishSnapshots(owner, "odd", async () => [row("a", 1)]);
  await publisher.put({ ...row("a", 2), value: 17 });
  const kv = await bus.snapshots();
  for (const text of ["{", "null", "3", '{"value":"x"}']) await kv.put("odd.b", text);
  await publisher.put(row("c", 1));
  await eventually(() => watched.get("c"), { what: "the last row" });
  assert.deepEqual(Object.fromEntries(watched.entries()), { a: "a@1", c: "c@1" });
});

test("a watch that ends while it begins ends at once", async () => {
  for (let i = 0; i < 20; i++) {
    const watched = watch("brief");
    for (let turn = 0; turn < i * 20; turn++) await Promise.resolve();
    await watched[Symbol.asyncDispose]();
  }
});

test("beyond its bound a snapshot says that its owner fell silent, and what it read of old does not count as heard", async () => {
  const publisher = await publishSnapshots(owner, "stale", async () => [row("a", 1)]);
  await using watched = watch("stale", 2_900);
  assert.throws(() => watched.get("a"), { code: "UNAVAILABLE", reason: "SNAPSHOT_STALE" });
  await eventually(() => watched.get("a"), { what: "the row" });
  await publisher[Symbol.asyncDispose]();
  const stale = () => {
    try {
      return watched.get("a") === undefined;
    } catch (error) {
      assert.throws(() => [...watched.entries()], { reason: "SNAPSHOT_STALE" });
      return error instanceof Error && /the stale snapshot is older than 2900 ms/.test(error.message);
    }
  };
  await eventually(stale, { what: "the snapshot to be stale" });
  await using late = watch("stale", 2_900);
  await late.loaded;
  assert.equal(late.size, 1);
  assert.throws(() => late.get("a"), { reason: "SNAPSHOT_STALE" });
  await using _again = await publishSnapshots(owner, "stale", async () => [row("a", 1)]);
  await eventually(() => watched.get("a") && late.get("a"), { what: "the owner to be heard again" });
});

test("a bucket that was purged is filled again", async () => {
  await using watched = watch("purged");
  await using _publisher = await publishSnapshots(owner, "purged", async () => [row("a", 1)]);
  await eventually(() => watched.get("a"), { what: "the row" });
  await bus.jsm.streams.purge(`KV_${SNAPSHOT_BUCKET}`);
  assert.equal(watched.get("a"), "a@1");
  await eventually(async () => (await latecomer("purged")).a, { what: "the row to be back" });
});

test("a change that NATS did not take is repaired by the beat", async () => {
  const rows = [row("a", 1)];
  await using watched = watch("repaired");
  await using publisher = await publishSnapshots(owner, "repaired", async () => rows);
  await environment.nats.kill();
  rows.push(row("b", 1));
  await assert.rejects(publisher.put(row("b", 1)));
  await environment.nats.restart();
  await eventually(() => watched.get("b"), { what: "the repaired row", timeoutMs: 20_000 });
});

test("after a kill of NATS the watch goes on", async () => {
  await using watched = watch("killed");
  await using publisher = await publishSnapshots(owner, "killed", async () => [row("a", 1)]);
  await eventually(() => watched.get("a"), { what: "the row" });
  await environment.nats.kill();
  await environment.nats.restart();
  await eventually(() => publisher.put(row("a", 2)).then(() => true), { what: "the put" });
  await eventually(() => watched.get("a") === "a@2", { what: "the change", timeoutMs: 15_000 });
});

test("when NATS loses all data every owner publishes again, nobody misses a row meanwhile, and changes are seen", async () => {
  await using watched = watch("small");
  await using small = await publishSnapshots(owner, "small", async () => [row("a", 1)]);
  const many = Array.from({ length: 300 }, (_, i) => row(`k${i}`, 1));
  await using _large = await publishSnapshots(bus, "large", async () => many);
  await eventually(() => watched.get("a"), { what: "the row" });
  await loseAllData();
  assert.equal(watched.get("a"), "a@1");
  const options = { timeoutMs: 30_000 };
  await eventually(async () => (await latecomer("small")).a, { what: "the small topic to be back", ...options });
  await eventually(async () => Object.keys(await latecomer("large")).length === 300, {
    what: "the large topic to be back",
    ...options,
  });
  await small.put(row("a", 2));
  await eventually(() => watched.get("a") === "a@2", { what: "a change after the loss", ...options });
  assert.ok(watched.ageMs < 10_000);
});
