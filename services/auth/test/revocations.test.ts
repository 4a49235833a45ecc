import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Bus, SNAPSHOT_BUCKET } from "@agentmesh/bus";
import { eventually } from "@agentmesh/harness";
import { type Database, openDatabase } from "@agentmesh/postgres";
import type { Foundation } from "@agentmesh/service";
import { openRevocations, type Revocations } from "../src/state/revocations.ts";
import { type AuthMesh, authMesh } from "./auth-mesh.ts";

let mesh: AuthMesh;
let stack: AsyncDisposableStack;
let base: Foundation;
let db: Database;
let revocations: Revocations;

const minuteMs = 60_000;

before(async () => {
  stack = new AsyncDisposableStack();
  mesh = stack.use(await authMesh());
  await mesh.start();
  base = await mesh.peer("auth");
  const { postgresUrl: url } = mesh.environment;
  db = stack.use(await openDatabase({ url, schema: "auth", migrations: [], log: base.log, maxConnections: 2 }));
  revocations = stack.use(await openRevocations(base.bus, db, minuteMs));
});

after(() => stack.disposeAsync());

async function keysOf({ jsm }: Bus): Promise<string[]> {
  const subject = `$KV.${SNAPSHOT_BUCKET}.revocations.acme.>`;
  const { state } = await jsm.streams.info(`KV_${SNAPSHOT_BUCKET}`, { subjects_filter: subject });
  return Object.keys(state.subjects ?? {});
}

test("what is revoked and forgotten leaves nothing in the bucket, and what was revoked again meanwhile stays", async () => {
  const nowMs = Date.now();
  const revoke = (ids: string[], atMs: number) =>
    db.transaction((tx) => revocations.revokeSessions(tx, "acme", ids, atMs));
  await revoke(["a", "b", "c"], nowMs - 10 * minuteMs);
  await revoke(["lasts"], nowMs);
  await revocations.publish();
  assert.equal((await keysOf(base.bus)).length, 4);
  await revocations.prune(nowMs);
  // Marks of what is gone.
  assert.equal((await keysOf(base.bus)).length, 4);
  await revocations.clearMarks(nowMs);
  assert.equal((await keysOf(base.bus)).length, 4, "a mark stays for a minute");
  await revoke(["a"], nowMs);
  await revocations.publish();
  await revocations.clearMarks(nowMs + 2 * minuteMs);
  const left = await keysOf(base.bus);
  assert.deepEqual(
    left.map((key) => key.split(".").at(-1)),
    left.map((key) => key.split(".").at(-1)).filter((id) => id === "a" || id === "lasts"),
  );
  assert.equal(left.length, 2);
  await eventually(() => revocations.isRevoked({ tenant: "acme", sessionId: "a", subject: "user:x" }), { what: "a" });
  assert.ok(revocations.isRevoked({ tenant: "acme", sessionId: "lasts", subject: "user:x" }));
  assert.ok(!revocations.isRevoked({ tenant: "acme", sessionId: "b", subject: "user:x" }));
  // With no mark left there is nothing to do.
  await revocations.clearMarks(nowMs + 2 * minuteMs);
});
