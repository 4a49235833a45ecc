// The servers die, forget everything, or stay away.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { eventually } from "@agentmesh/harness";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf } from "../mesh/resources.ts";
import { assertOnce, startRun } from "../mesh/runs.ts";
import { withStreams } from "../mesh/streams.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const many = 20;

before(async () => {
  mesh = stack.use(await openFaultMesh());
  await applyTools(mesh);
  await applyWorkflow(mesh, "three", chainOf("a", "b", "c"));
});
after(() => stack.disposeAsync());

const startMany = () => Promise.all(Array.from({ length: many }, () => startRun(mesh, "three")));

test("NATS killed again and again: reconnected, and what its memory lost of duplicates does no harm", async () => {
  const runs = await startMany();
  for (let kill = 0; kill < 3; kill++) {
    await mesh.mesh.kill("nats");
    await mesh.mesh.waitReady("nats");
  }
  for (const run of runs) await assertOnce(mesh, run, ["a", "b", "c"]);
  await mesh.whole();
});

test("all streams of NATS purged and deleted: rebuilt from PostgreSQL", async () => {
  using asked = mesh.hold({ at: "asked", name: "b" });
  const runs = await startMany();
  await asked.seen();
  await loseStreams();
  asked.forward();
  for (const run of runs) await assertOnce(mesh, run, ["a", "b", "c"]);
});

async function loseStreams(): Promise<void> {
  await withStreams(mesh, async (manager) => {
    for (const name of ["WORK", "EVENTS"]) await manager.streams.purge(name);
    for (const name of ["WORK", "EVENTS"]) await manager.streams.delete(name);
  });
}

test("PostgreSQL killed inside a transaction: retried", async () => {
  const mark = randomUUID();
  using held = mesh.hold({ at: "commit", service: "orchestrator", mentions: [`a#0:${mark}`] });
  const run = await startRun(mesh, "three", {}, mark);
  await held.seen();
  await mesh.mesh.kill("postgres");
  held.drop();
  await mesh.mesh.waitReady("postgres");
  await assertOnce(mesh, run, ["a", "b", "c"]);
});

test("PostgreSQL killed when a commit was done and nobody told: told again, it is ignored", async () => {
  const mark = randomUUID();
  using held = mesh.hold({ at: "committed", service: "orchestrator", mentions: [`a#0:${mark}`] });
  const run = await startRun(mesh, "three", {}, mark);
  await held.seen();
  await mesh.mesh.kill("postgres");
  held.drop();
  await mesh.mesh.waitReady("postgres");
  const ended = await assertOnce(mesh, run, ["a", "b", "c"]);
  assert.equal(ended.steps.get("a")?.epoch, 1);
});

test("PostgreSQL away for longer than a lease: runners stop what they do, and go on when it is back", async () => {
  using held = mesh.hold({ at: "asked", name: "a" });
  const abandoned = mesh.effects.abandoned();
  const run = await startRun(mesh, "three");
  await held.seen();
  for (const proxy of mesh.proxied.postgres.values()) proxy.cut();
  await eventually(() => mesh.effects.abandoned() > abandoned, { what: "the runner to leave its request" });
  assert.equal(mesh.effects.book.applied(run.mark).length, 0);
  held.drop();
  await wait(1_000);
  for (const proxy of mesh.proxied.postgres.values()) proxy.mend();
  const ended = await assertOnce(mesh, run, ["a", "b", "c"]);
  assert.equal(ended.steps.get("a")?.takeovers, 1);
});
