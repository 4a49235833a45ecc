import assert from "node:assert/strict";
import { test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { testEnvironment } from "@agentmesh/harness";
import { openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger } from "@agentmesh/telemetry";
import { pruneEvents, readEvents } from "../src/store/run-events.ts";

test("events of old runs are pruned in batches, those of younger ones stay, and the cursor goes on", async () => {
  await using env = await testEnvironment("orchestrator", { redis: false, nats: false });
  const log = createLogger({ service: "test", environment: "test", version: "0", level: "error" });
  const own = { name: "orchestrator", folder: new URL("../migrations/", import.meta.url) };
  await using db = await openDatabase({
    url: env.postgresUrl,
    schema: "orchestrator",
    migrations: [busMigrations, resourceMigrations, own],
    log,
  });
  const idAt = (ms: number, number: number) => {
    const hex = ms.toString(16).padStart(12, "0");
    return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-${String(number).padStart(12, "0")}`;
  };
  const [oldMs, cutMs, youngMs] = [1_000_000_000_000, 1_500_000_000_000, 2_000_000_000_000];
  const old = [1, 2, 3].map((number) => idAt(oldMs, number));
  const young = idAt(youngMs, 4);
  for (const id of [...old, young]) {
    await db.query(
      `INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, created_at, deadline)
       VALUES ($1, 'acme', 'w', 1, 'succeeded', 5, 's', 'o', 2, '{}', now(), now())`,
      [id],
    );
    await db.query("INSERT INTO run_event (run, seq, at, events) VALUES ($1, 2, now(), $2)", [
      id,
      JSON.stringify([
        { type: "run.started", node: "", data: {} },
        { type: "run.succeeded", node: "", data: {} },
      ]),
    ]);
  }
  const prune = () => db.transaction((tx) => pruneEvents(tx, new Date(cutMs), 2));
  assert.deepEqual([await prune(), await prune(), await prune()], [2, 1, 0]);
  for (const id of old) assert.deepEqual(await readEvents(db, id, 0), { events: [], ended: true });
  const kept = await readEvents(db, young, 1);
  assert.deepEqual(
    kept.events.map((event) => [event.seq, event.type]),
    [[2, "run.succeeded"]],
    "a cursor inside an advance takes the rest of it",
  );
});
