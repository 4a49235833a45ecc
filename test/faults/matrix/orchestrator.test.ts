// An orchestrator dies, or freezes, at each arrow between it and the others.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf } from "../mesh/resources.ts";
import { assertOnce, startRun } from "../mesh/runs.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const service = "orchestrator";

before(async () => {
  mesh = stack.use(await openFaultMesh({ leaseMs: 15_000 }));
  await applyTools(mesh);
  await applyWorkflow(mesh, "one", chainOf("a"));
  await applyWorkflow(mesh, "two", chainOf("a", "b"));
});
after(() => stack.disposeAsync());

/** Stands in the transaction that takes the result of this step, and in no other before it. */
const resultOf = (step: string, mark: string) => `${step}#0:${mark}`;

test("killed before the commit of a start: rolled back, and asked again it is one run", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "commit", service, mentions: [mark] });
  const run = await startRun(mesh, "one", {}, mark);
  await struck;
  await assertOnce(mesh, run, ["a"]);
  await mesh.whole();
});

test("killed after the commit of a start, before anything is published: a peer publishes", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "committed", service, mentions: [mark] });
  const run = await startRun(mesh, "one", {}, mark);
  await struck;
  await assertOnce(mesh, run, ["a"]);
  await mesh.whole();
});

test("killed before the commit of a result: rolled back, and the worker tells a peer", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "commit", service, mentions: [resultOf("a", mark)] });
  const run = await startRun(mesh, "two", {}, mark);
  await struck;
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.whole();
});

test("killed after the commit of a result, before its worker hears of the next step: told again, it has both", async () => {
  const mark = randomUUID();
  const struck = mesh.strike({ at: "committed", service, mentions: [resultOf("a", mark)] });
  const run = await startRun(mesh, "two", {}, mark);
  await struck;
  const ended = await assertOnce(mesh, run, ["a", "b"]);
  assert.equal(ended.steps.get("a")?.epoch, 1, "what was committed is not done again");
  assert.deepEqual([ended.steps.get("b")?.epoch, ended.steps.get("b")?.takeovers], [1, 0], "no lease was lost");
  await mesh.whole();
});

for (const [at, when] of [
  ["publish", "before a step is published"],
  ["published", "after a step was published, before it knows"],
] as const) {
  test(`killed ${when}: sent again or not, it is claimed once`, async () => {
    const struck = mesh.strike({ at, service, name: `wf.step.${mesh.mesh.tenant}` });
    const run = await startRun(mesh, "two");
    await struck;
    const ended = await assertOnce(mesh, run, ["a", "b"]);
    assert.deepEqual([ended.steps.get("a")?.epoch, ended.steps.get("a")?.takeovers], [1, 0]);
    await mesh.whole();
  });
}

test("killed when a result is committed and the worker not told: told again, it is ignored", async () => {
  using asked = mesh.hold({ at: "asked", name: "a" });
  const run = await startRun(mesh, "one");
  await asked.seen();
  using call = mesh.hold({ at: "call", service: "agent-runner", name: "CompleteSteps", mentions: [run.id] });
  asked.forward();
  const { process } = await call.seen();
  using reply = mesh.hold({ at: "reply", process, name: "CompleteSteps" });
  const committed = mesh.hold({ at: "committed", service, mentions: [run.id] });
  call.forward();
  const { process: victim } = await committed.seen();
  committed.forward();
  await reply.seen();
  using again = mesh.hold({ at: "reply", process, name: "CompleteSteps" });
  await mesh.mesh.kill(victim);
  reply.drop();
  await again.seen();
  again.forward();
  await assertOnce(mesh, run, ["a"]);
  await mesh.whole();
});

test("frozen while it holds the lock of a run: the server ends its session, and a peer goes on", async () => {
  const mark = randomUUID();
  using held = mesh.hold({ at: "commit", service, mentions: [resultOf("a", mark)] });
  const run = await startRun(mesh, "two", {}, mark);
  const { process } = await held.seen();
  await mesh.mesh.kill(process, "SIGSTOP");
  const ended = await assertOnce(mesh, run, ["a", "b"]);
  assert.equal(ended.events.filter((event) => event === "step.succeeded a").length, 1);
  await mesh.mesh.kill(process, "SIGCONT");
  held.forward();
  await mesh.whole();
  await assertOnce(mesh, run, ["a", "b"]);
});
