// First steps go to runners that offered places, without the queue: an orchestrator or a runner dies, or freezes, on that way.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, beforeEach, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf } from "../mesh/resources.ts";
import { assertOnce, endOf, startRun } from "../mesh/runs.ts";
import { killAfterEffect } from "./scenarios.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const given = { at: "reply", service: "agent-runner", name: "OfferPlaces" } as const;

before(async () => {
  // One replica, so that every runner's offer is at the one where runs start.
  mesh = stack.use(await openFaultMesh({ offers: true, orchestrators: 1 }));
  await applyTools(mesh);
  await applyWorkflow(mesh, "two", chainOf("a", "b"));
});
after(() => stack.disposeAsync());
beforeEach(() => eventually(comesByOffer, { what: "a first step that comes by an offer" }));

/** Runners offer a moment after they, or the orchestrator, are there. */
async function comesByOffer(): Promise<boolean> {
  const run = await startRun(mesh, "two");
  await endOf(mesh, run);
  const { rowCount } = await mesh.sql.query(
    "SELECT 1 FROM orchestrator.run_event WHERE run = $1 AND events::text LIKE '%step.dispatched%'",
    [run.id],
  );
  return rowCount === 0;
}

test("a first step comes to a runner that offered places", async () => {
  const mark = randomUUID();
  using seen = mesh.hold({ ...given, mentions: [mark] });
  const run = await startRun(mesh, "two", {}, mark);
  await seen.seen();
  seen.forward();
  const { steps } = await assertOnce(mesh, run, ["a", "b"]);
  assert.deepEqual([steps.get("a")?.epoch, steps.get("a")?.takeovers], [1, 0]);
});

test("an orchestrator killed before the commit of a start: nothing was given, and asked again it is one run", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "commit", service: "orchestrator", mentions: [mark] });
  const run = await startRun(mesh, "two", {}, mark);
  await struck;
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.whole();
});

test("an orchestrator killed after the commit of a start, before the step is sent: the lease is taken over", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "committed", service: "orchestrator", mentions: [mark] });
  const run = await startRun(mesh, "two", {}, mark);
  await struck;
  const { steps } = await assertOnce(mesh, run, ["a", "b"]);
  assert.deepEqual([steps.get("a")?.epoch, steps.get("a")?.takeovers], [2, 1]);
  await mesh.whole();
});

test("a runner killed with a step on its way to it: the lease is taken over", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ ...given, mentions: [mark] });
  const run = await startRun(mesh, "two", {}, mark);
  await struck;
  const { steps } = await assertOnce(mesh, run, ["a", "b"]);
  assert.deepEqual([steps.get("a")?.epoch, steps.get("a")?.takeovers], [2, 1]);
  await mesh.whole();
});

test("a runner killed after the effect: taken over under a new epoch, and the key lets it happen once", async () => {
  const run = await killAfterEffect(mesh, "two");
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.whole();
});

test("a runner frozen with a step on its way, past its lease: it wakes, and the effect has happened once", async () => {
  const mark = randomUUID();
  using held = mesh.hold({ ...given, mentions: [mark] });
  const run = await startRun(mesh, "two", {}, mark);
  const { process } = await held.seen();
  await mesh.mesh.kill(process, "SIGSTOP");
  held.forward();
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.mesh.kill(process, "SIGCONT");
  await mesh.whole();
  await assertOnce(mesh, run, ["a", "b"]);
});
