import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { busMigrations } from "@agentmesh/bus";
import { type TestEnvironment, testEnvironment } from "@agentmesh/harness";
import { newId } from "@agentmesh/ids";
import { type Database, openDatabase } from "@agentmesh/postgres";
import { resourceMigrations } from "@agentmesh/resources";
import { createLogger } from "@agentmesh/telemetry";
import { bodyOf, dedupeKey } from "../src/domain/notification.ts";
import { addUp, type Sample } from "../src/domain/samples.ts";
import { insertAlerts } from "../src/store/alerts.ts";
import { assertFence, takeLease } from "../src/store/lease.ts";
import { claimDue, finishSend, insertIntents } from "../src/store/notifications.ts";
import { addSamples, measureWindow } from "../src/store/samples.ts";
import { sweep } from "../src/sweep.ts";

let stack: AsyncDisposableStack;
let environment: TestEnvironment;
let db: Database;

before(async () => {
  stack = new AsyncDisposableStack();
  environment = stack.use(await testEnvironment("alerting", { redis: false, nats: false }));
  const own = { name: "alerting", folder: new URL("../migrations/", import.meta.url) };
  db = stack.use(
    await openDatabase({
      url: environment.postgresUrl,
      schema: "alerting",
      migrations: [busMigrations, resourceMigrations, own],
      log: createLogger({ service: "alerting", environment: "test", version: "0", level: "error" }),
    }),
  );
});

after(() => stack.disposeAsync());

test("a holder that froze past its lease can write nothing once another has it", async () => {
  const first = await takeLease(db, { name: "l", holder: "frozen", ttlMs: 0 });
  assert.equal(first, 1n);
  assert.equal(await takeLease(db, { name: "l", holder: "heir", ttlMs: 60_000 }), 2n);
  assert.equal(await takeLease(db, { name: "l", holder: "frozen", ttlMs: 60_000 }), undefined);
  assert.equal(await takeLease(db, { name: "l", holder: "heir", ttlMs: 60_000 }), 2n, "renewed, the same fence");
  await assert.rejects(
    db.transaction((tx) => assertFence(tx, "l", 1n)),
    { reason: "FENCED" },
  );
  await db.transaction((tx) => assertFence(tx, "l", 2n));
});

async function intents(tenant: string, channels: readonly string[]): Promise<void> {
  const now = new Date();
  const alerts = channels.map((channel) => ({
    id: newId(),
    tenant,
    rule: channel,
    labelsHash: channel,
    labels: {},
    state: "active" as const,
    severity: "error" as const,
    summary: "",
    runbook: "",
    value: 1,
    threshold: 0,
    startedAt: now,
    changedAt: now,
    acknowledgedBy: "",
  }));
  await insertAlerts(db, alerts);
  const all = alerts.flatMap((alert) =>
    (["active", "resolved"] as const).map((kind) => {
      const key = dedupeKey(alert.id, "hook", kind);
      const body = bodyOf(alert, kind, key);
      return { id: newId(), tenant, alertId: alert.id, channel: "hook", kind, dedupeKey: key, body };
    }),
  );
  await insertIntents(db, all);
  await insertIntents(db, all);
}

test("claims: a channel has a few at a time, `resolved` waits for `active`, a stale answer changes nothing", async () => {
  await intents("t", ["a", "b", "c"]);
  const bounds = { limit: 10, perChannel: 2, orphanMs: 60_000 };
  const first = await claimDue(db, bounds);
  assert.deepEqual(
    first.map(({ kind, attempts }) => [kind, attempts]),
    [
      ["active", 1],
      ["active", 1],
    ],
  );
  assert.deepEqual(await claimDue(db, bounds), [], "both places of the channel are taken");
  const [one, two] = first;
  assert.ok(one && two);
  await finishSend(db, one, { state: "sent" });
  const [next] = await claimDue(db, bounds);
  assert.equal(next?.kind, next?.alert_id === one.alert_id ? "resolved" : "active");

  const orphans = await claimDue(db, { ...bounds, orphanMs: 0 });
  const again = orphans.find(({ id }) => id === two.id);
  assert.equal(again?.attempts, 2, "what its sender never came back from is due again");
  assert.equal(again?.dedupe_key, two.dedupe_key);
  await finishSend(db, two, { state: "dead", error: "too late to say" });
  const { rows } = await db.query<{ state: string }>("SELECT state FROM notification WHERE id = $1", [two.id]);
  assert.equal(rows[0]?.state, "sending");
});

test("each tier forgets what no window of its own reaches any more", async () => {
  const now = Date.now();
  const ages = [60, 3 * 3600, 4 * 86_400, 32 * 86_400];
  const samples = ages.map(
    (ageS): Sample => ({
      tenant: "sweep",
      series: "agent_run",
      labels: {},
      at: new Date(now - ageS * 1000),
      value: 5,
      timed: true,
    }),
  );
  await addSamples(db, addUp(samples, new Date(now)));
  const config = { retention: { alertsDays: 90, sweepMs: 1000 } };
  await sweep({ db, config }, now);
  const kept = [10, 300, 3600].map(async (stepS) => {
    const window = { series: "agent_run" as const, stepS, since: new Date(0), tenants: ["sweep"] };
    return (await measureWindow(db, window))[0]?.count;
  });
  assert.deepEqual(await Promise.all(kept), [1, 2, 3]);
});
