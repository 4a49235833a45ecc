import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger } from "@agentmesh/telemetry";
import { deleteLiveRun, insertLiveRun, type LiveRow, noteEffect, takeOrphans } from "../src/store/live-runs.ts";
import { renewReplica } from "../src/store/replicas.ts";
import { appendEvents, readEvents, readLastSeq } from "../src/store/run-events.ts";
import { claimTurn, countTurn, readSession, type SessionKey, takeTicket } from "../src/store/sessions.ts";

// The statements that fence, in random interleavings with real locks: whoever thinks that it owns a run or a session's
// turn tries to write, and only the last owner may.
let stack: AsyncDisposableStack;
let db: Database;

before(async () => {
  stack = new AsyncDisposableStack();
  const environment = stack.use(await testEnvironment("agent-runner", { nats: false, redis: false }));
  const folder = new URL("../migrations/", import.meta.url);
  db = stack.use(
    await openDatabase({
      url: environment.postgresUrl,
      schema: "agent_runner",
      migrations: [busMigrations, resourceMigrations, { name: "agent-runner", folder }],
      log: createLogger({ service: "test", environment: "test", version: "0", level: "error" }),
    }),
  );
});

after(() => stack.disposeAsync());

const SEED = 20_261_120;

/** mulberry32: the same numbers for the same seed, so that a failure can be looked at. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function rowOf(id: string, session: SessionKey | undefined, ticket: bigint | null): LiveRow {
  return {
    tenant: "acme",
    id,
    agent: "a",
    subject: "user:ada",
    department: "",
    project: "",
    epoch: 1,
    had_effect: false,
    cancelled: false,
    session: session?.session ?? null,
    session_subject: session?.subject ?? null,
    ticket,
    request: Buffer.alloc(0),
    request_id: "",
    started_at: new Date(),
    deadline_at: new Date(),
  };
}

test("under an old epoch nothing is written, whatever the order of writes and take-overs", async () => {
  const below = random(SEED);
  for (let round = 0; round < 20; round++) {
    const id = newId();
    // Of an owner that never gave a sign of life: each sweep takes it.
    await insertLiveRun(db, newId(), rowOf(id, undefined, null));
    const owners = [{ epoch: 1, seq: 0 }];
    const lost: string[] = [];
    await Promise.all(
      Array.from({ length: 30 }, async (_, at) => {
        await new Promise((next) => setTimeout(next, below(20)));
        if (at % 6 === 0) {
          const taken = await db.transaction((tx) => takeOrphans(tx, newId(), 10));
          const mine = taken.find((row) => row.id === id);
          if (mine) owners.push({ epoch: mine.epoch, seq: await readLastSeq(db, "acme", id) });
          return;
        }
        const owner = owners[below(owners.length)];
        if (!owner) return;
        const { epoch } = owner;
        owner.seq += 1;
        const event = { runId: id, seq: owner.seq, event: { $case: "textDelta", value: String(epoch) } } as const;
        const stored = await appendEvents(db, [{ tenant: "acme", id, epoch, events: [event] }]);
        if (!stored.has(id)) lost.push(`${epoch}:${event.seq}`);
      }),
    );
    const events = await readEvents(db, { tenant: "acme", id, afterSeq: 0, limit: 1_000 });
    const epochs = events.map(({ event }) => (event?.$case === "textDelta" ? Number(event.value) : 0));
    assert.deepEqual(
      epochs,
      [...epochs].sort((a, b) => a - b),
      `round ${round}: an old epoch wrote after a new one`,
    );
    const last = Math.max(...owners.map(({ epoch }) => epoch));
    for (const { epoch } of owners) {
      const key = { tenant: "acme", id, epoch };
      assert.equal(await noteEffect(db, key), epoch === last);
      if (epoch < last) assert.equal(await deleteLiveRun(db, key), false);
    }
    assert.equal(await deleteLiveRun(db, { tenant: "acme", id, epoch: last }), true);
  }
});

test("tickets commit in their order, and only the lowest that is alive gets the turn", async () => {
  const key: SessionKey = { tenant: "acme", agent: "a", subject: "", session: "s" };
  const owner = newId();
  await renewReplica(db, owner, 60_000);
  const served: bigint[] = [];
  let writers = 0;
  await Promise.all(
    Array.from({ length: 40 }, async () => {
      const row = rowOf(newId(), key, null);
      await db.transaction(async (tx) => {
        row.ticket = await takeTicket(tx, key);
        await insertLiveRun(tx, owner, row);
      });
      const ticket = row.ticket ?? 0n;
      for (;;) {
        const fence = await claimTurn(db, key, ticket);
        if (fence === undefined) {
          await new Promise((next) => setTimeout(next, 2));
          continue;
        }
        writers += 1;
        assert.equal(writers, 1);
        served.push(ticket);
        // Of an earlier turn that woke up late.
        assert.equal(await db.transaction((tx) => countTurn(tx, key, fence - 1n, "")), undefined);
        writers -= 1;
        await db.transaction(async (tx) => {
          assert.ok(await deleteLiveRun(tx, row));
          assert.ok(await countTurn(tx, key, fence, ""));
        });
        return;
      }
    }),
  );
  assert.deepEqual(
    served,
    Array.from({ length: 40 }, (_, at) => BigInt(at + 1)),
  );
  assert.equal((await readSession(db, key))?.turns, 40);
});
