import assert from "node:assert/strict";
import { test } from "node:test";
import { jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { startTestServer } from "./server.ts";

test("auth clears its marks from the snapshots, and neither events nor work; nobody else clears anything", async () => {
  await using server = await startTestServer([]);
  const auth = await server.as("auth");
  const bucket = await new Kvm(auth).create("snapshots", { history: 1 });
  await bucket.put("revocations.acme.session.a", "x");
  await bucket.put("revocations.acme.session.b", "x");
  await bucket.delete("revocations.acme.session.a");
  const { streams } = await jetstreamManager(auth, { checkAPI: false });
  const filter = "$KV.snapshots.revocations.acme.session.a";
  assert.equal((await streams.purge("KV_snapshots", { filter })).purged, 1);
  assert.equal((await bucket.get("revocations.acme.session.b"))?.string(), "x");
  for (const subject of ["STREAM.PURGE.EVENTS", "STREAM.PURGE.WORK", "STREAM.DELETE.KV_snapshots"]) {
    await assert.rejects(auth.request(`$JS.API.${subject}`, "", { timeout: 1_000 }), subject);
  }
  const cost = await server.as("cost");
  await assert.rejects(cost.request("$JS.API.STREAM.PURGE.KV_snapshots", "", { timeout: 1_000 }));
  await auth.close();
  await cost.close();
});
