// A runner dies, or freezes, at each arrow between it and the others.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { CompleteStepsReply } from "@agentmesh/proto/orchestrator";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf } from "../mesh/resources.ts";
import { assertOnce, startRun } from "../mesh/runs.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const service = "agent-runner";

before(async () => {
  mesh = stack.use(await openFaultMesh());
  await applyTools(mesh);
  await applyWorkflow(mesh, "two", chainOf("a", "b"));
});
after(() => stack.disposeAsync());

test("killed before it claims: the step is sent again", async () => {
  const struck = mesh.strike({ at: "deliver", service, name: `wf.step.${mesh.mesh.tenant}` });
  const run = await startRun(mesh, "two");
  await struck;
  const ended = await assertOnce(mesh, run, ["a", "b"]);
  assert.equal(ended.steps.get("a")?.takeovers, 0, "no lease was lost");
  await mesh.whole();
});

for (const [name, step, what] of [
  ["ClaimSteps", "a", "with a claim whose answer it never had"],
  ["CompleteSteps", "b", "with a next step of which it never heard, its result being committed"],
] as const) {
  test(`killed ${what}: the lease is taken over`, async () => {
    const mark = randomUUID();
    const struck = mesh.strike({ at: "reply", service, name, mentions: [mark] });
    const run = await startRun(mesh, "two", {}, mark);
    await struck;
    const { steps } = await assertOnce(mesh, run, ["a", "b"]);
    assert.deepEqual([steps.get(step)?.epoch, steps.get(step)?.takeovers], [2, 1]);
    await mesh.whole();
  });
}

test("killed before its acknowledgement reaches the queue: the redelivery is refused, the lease taken over", async () => {
  const mark = randomUUID();
  using claim = mesh.hold({ at: "reply", service, name: "ClaimSteps", mentions: [mark] });
  const run = await startRun(mesh, "two", {}, mark);
  const { process } = await claim.seen();
  using lost = holdAcknowledgement(process);
  claim.forward();
  await lost.seen();
  await mesh.mesh.kill(process);
  lost.drop();
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.whole();
});

function holdAcknowledgement(process: string) {
  return mesh.hold({ at: "publish", process, mentions: ["+ACK"] });
}

for (const [at, when] of [
  ["asked", "before"],
  ["applied", "after"],
] as const) {
  test(`killed ${when} the effect: taken over under a new epoch, and the key lets it happen once`, async () => {
    using held = mesh.hold({ at, name: "a" });
    const callsBefore = mesh.effects.book.calls;
    const run = await startRun(mesh, "two");
    const { process } = await held.seen();
    await mesh.mesh.kill(process);
    held.drop();
    const ended = await assertOnce(mesh, run, ["a", "b"]);
    assert.deepEqual([ended.steps.get("a")?.epoch, ended.steps.get("a")?.takeovers], [2, 1]);
    assert.equal(mesh.effects.book.calls - callsBefore, 3, "the effect was asked for twice, the next step's once");
    await mesh.whole();
  });
}

test("frozen past its lease with a result: another one takes the step over, and what the woken one says is refused", async () => {
  using asked = mesh.hold({ at: "asked", name: "a" });
  const run = await startRun(mesh, "two");
  await asked.seen();
  using late = mesh.hold({ at: "call", service, name: "CompleteSteps", mentions: [run.id] });
  asked.forward();
  const { process } = await late.seen();
  await mesh.mesh.kill(process, "SIGSTOP");
  const ended = await assertOnce(mesh, run, ["a", "b"]);
  assert.equal(ended.steps.get("a")?.takeovers, 1);
  using reply = mesh.hold({ at: "reply", process, name: "CompleteSteps" });
  await mesh.mesh.kill(process, "SIGCONT");
  late.forward();
  const { accepted } = CompleteStepsReply.decode(Buffer.concat((await reply.seen()).said));
  assert.deepEqual(accepted, [false]);
  reply.forward();
  await assertOnce(mesh, run, ["a", "b"]);
});

test("frozen past its lease while it acts: it stops by itself when it wakes", async () => {
  using held = mesh.hold({ at: "asked", name: "a" });
  const abandoned = mesh.effects.abandoned();
  const run = await startRun(mesh, "two");
  const { process } = await held.seen();
  await mesh.mesh.kill(process, "SIGSTOP");
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.mesh.kill(process, "SIGCONT");
  await eventually(() => mesh.effects.abandoned() > abandoned, { what: `${process} to leave its request` });
  held.forward();
  await assertOnce(mesh, run, ["a", "b"]);
});
