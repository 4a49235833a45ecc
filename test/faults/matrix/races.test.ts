// Two things happen at once, at two replicas: the lock of the run orders them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { ApprovalState, CompleteStepsReply, RunState } from "@agentmesh/proto/orchestrator";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf, effectStep } from "../mesh/resources.ts";
import { assertNothingOpen, assertOnce, endOf, startRun } from "../mesh/runs.ts";
import { joined, someoneWaits, twoOfThree, twoResultsAtOnce } from "./scenarios.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const service = "orchestrator";
/** A third of the lease, and a little. */
const heardWithinMs = 7_000;

before(async () => {
  mesh = stack.use(await openFaultMesh({ leaseMs: 15_000 }));
  await applyTools(mesh);
  await applyWorkflow(mesh, "one", chainOf("a"));
  await applyWorkflow(mesh, "joined", joined);
  await applyWorkflow(mesh, "two-of-three", twoOfThree);
  await applyWorkflow(mesh, "approved", {
    steps: [
      { id: "ask", kind: "approval", title: "Go on?", input: { mark: "$.input.mark" } },
      effectStep("done", { dependsOn: ["ask"] }),
    ],
  });
  const compensate = { tool: "fault-stock", input: { mark: "$.input.mark", step: "undo-charge" } };
  await applyWorkflow(mesh, "charged", { steps: [effectStep("charge", { compensate })] });
  await applyWorkflow(mesh, "timed", {
    steps: [{ id: "later", kind: "wait", timerMs: 1_500 }, effectStep("done", { dependsOn: ["later"] })],
  });
});
after(() => stack.disposeAsync());

function replica(index: number) {
  const client = mesh.orchestrators[index];
  assert.ok(client);
  return client;
}

/** The replica that is not this process. */
function otherThan(process: string) {
  return replica(process === service ? 1 : 0);
}

test("cancel comes while a result is being committed: the result was first", async () => {
  using asked = mesh.hold({ at: "asked", name: "a" });
  const run = await startRun(mesh, "one");
  await asked.seen();
  using held = mesh.hold({ at: "commit", service, mentions: [`a#0:${run.mark}`] });
  asked.forward();
  const { process } = await held.seen();
  const token = await mesh.token();
  const cancelled = otherThan(process).cancelRun({ id: run.id, reason: "race" }, { token });
  await someoneWaits(mesh);
  held.forward();
  assert.equal((await cancelled).state, RunState.SUCCEEDED);
  await assertOnce(mesh, run, ["a"]);
});

test("a result comes while a cancel is being committed: the cancel was first, the result is refused", async () => {
  using asked = mesh.hold({ at: "asked", name: "a" });
  const run = await startRun(mesh, "one");
  const runner = (await asked.seen()).process;
  using held = mesh.hold({ at: "commit", service, mentions: [run.id] });
  const token = await mesh.token();
  const cancelled = replica(0).cancelRun({ id: run.id, reason: "race" }, { token });
  await held.seen();
  using reply = mesh.hold({ at: "reply", process: runner, name: "CompleteSteps" });
  asked.forward();
  await someoneWaits(mesh);
  held.forward();
  assert.equal((await cancelled).state, RunState.CANCELLED);
  assert.deepEqual(CompleteStepsReply.decode(Buffer.concat((await reply.seen()).said)).accepted, [false]);
  reply.forward();
  await assertOnce(mesh, run, ["a"], "cancelled");
});

test("a cancel while an effect is on its way to its system: it is settled first, and then undone", async () => {
  using asked = mesh.hold({ at: "asked", name: "charge" });
  using undo = mesh.hold({ at: "asked", name: "undo-charge" });
  const run = await startRun(mesh, "charged");
  await asked.seen();
  const token = await mesh.token();
  assert.equal((await replica(0).cancelRun({ id: run.id, reason: "race" }, { token })).state, RunState.COMPENSATING);
  // A heartbeat tells the worker; it must neither give the request up nor let the undo overtake it.
  await assert.rejects(undo.seen(heardWithinMs), /waited/);
  asked.forward();
  await undo.seen();
  undo.forward();
  await assertOnce(mesh, run, ["charge", "undo-charge"], "cancelled");
});

test("two results of one run at once: the second waits, and the join sees both", async () => {
  const run = await twoResultsAtOnce(mesh, "joined");
  await endOf(mesh, run);
  assert.deepEqual(
    mesh.effects.book.applied(run.mark).map(({ step }) => step),
    ["x", "y", "z"],
  );
  await assertNothingOpen(mesh, run);
});

test("two results of a gather at once: the threshold of two is met by both together", async () => {
  const run = await twoResultsAtOnce(mesh, "two-of-three");
  const ended = await endOf(mesh, run);
  assert.equal(ended.state, "succeeded");
  assert.equal(ended.steps.get("z")?.state, "succeeded");
  await assertNothingOpen(mesh, run);
});

test("an approval decided twice, at two replicas at once: one decision counts", async () => {
  const run = await startRun(mesh, "approved");
  const token = await mesh.token();
  const argsHash = await eventually(() => argsHashOf(run.id), { what: "the approval" });
  using held = mesh.hold({ at: "commit", service, mentions: [run.id] });
  const decide = (at: number, approve: boolean) =>
    replica(at).decideApproval({ id: run.id, node: "ask", approve, argsHash }, { token });
  const approved = decide(0, true);
  await held.seen();
  const rejected = decide(1, false).catch((error: unknown) => error);
  await someoneWaits(mesh);
  held.forward();
  assert.equal((await approved).state, ApprovalState.APPROVED);
  const second = await rejected;
  assert.ok(second instanceof Error, "whoever comes second is told");
  await assertOnce(mesh, run, ["done"]);
  const { rows } = await mesh.sql.query("SELECT state FROM orchestrator.approval WHERE run = $1", [run.id]);
  assert.deepEqual(rows, [{ state: "approved" }]);
});

async function argsHashOf(run: string): Promise<string | undefined> {
  const { rows } = await mesh.sql.query<{ args_hash: string }>(
    "SELECT args_hash FROM orchestrator.approval WHERE run = $1",
    [run],
  );
  return rows[0]?.args_hash;
}

test("one timer, two sweepers: one fires it, the other passes it by", async () => {
  const run = await startRun(mesh, "timed");
  using held = mesh.hold({ at: "commit", service, mentions: [run.id] });
  await held.seen();
  // Its peer sweeps each second; it takes other runs whose time has come, and not this one.
  const other = await startRun(mesh, "timed");
  await assertOnce(mesh, other, ["done"]);
  assert.deepEqual(mesh.effects.book.applied(run.mark), []);
  held.forward();
  await assertOnce(mesh, run, ["done"]);
});

test("a sweeper killed while it fires a timer: its peer fires it", async () => {
  const run = await startRun(mesh, "timed");
  await mesh.strike({ at: "commit", service, mentions: [run.id] });
  await assertOnce(mesh, run, ["done"]);
  await mesh.whole();
});
