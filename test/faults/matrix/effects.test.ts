// Effects on systems that take no key: one can be asked whether it is there, of the other only a person can find out.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { eventually } from "@agentmesh/harness";
import { Resolution } from "@agentmesh/proto/orchestrator";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, effectStep } from "../mesh/resources.ts";
import { assertOnce, startRun } from "../mesh/runs.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const service = "agent-runner";

before(async () => {
  mesh = stack.use(await openFaultMesh());
  await applyTools(mesh);
  for (const name of ["letters", "shouts"]) {
    const steps = [effectStep("a", { tool: `fault-${name}` }), effectStep("b", { dependsOn: ["a"] })];
    await applyWorkflow(mesh, name, { steps });
  }
});
after(() => stack.disposeAsync());

for (const [at, when] of [
  ["asked", "before"],
  ["applied", "after"],
] as const) {
  test(`killed ${when} an effect that can be looked up: it is looked up first, and happens once`, async () => {
    using held = mesh.hold({ at, name: "a" });
    const run = await startRun(mesh, "letters");
    await mesh.mesh.kill((await held.seen()).process);
    held.drop();
    const ended = await assertOnce(mesh, run, ["a", "b"]);
    assert.equal(ended.steps.get("a")?.takeovers, 1);
    await mesh.whole();
  });

  test(`killed ${when} an effect that nobody can look up: never called again, a person says what became of it`, async () => {
    using held = mesh.hold({ at, name: "a" });
    const run = await startRun(mesh, "shouts");
    await mesh.mesh.kill((await held.seen()).process);
    held.drop();
    await eventually(() => isInDoubt(run.id), { what: "the step to be in doubt" });
    const token = await mesh.token();
    const action = at === "applied" ? Resolution.SUCCEED : Resolution.RETRY;
    await mesh.orchestrators[0]?.resolveStep({ id: run.id, node: "a", action, output: {} }, { token });
    await assertOnce(mesh, run, ["a", "b"]);
    await mesh.whole();
  });
}

async function isInDoubt(run: string): Promise<boolean> {
  const { rows } = await mesh.sql.query<{ state: string }>(
    "SELECT state FROM orchestrator.step WHERE run = $1 AND node = 'a'",
    [run],
  );
  return rows[0]?.state === "in_doubt";
}

test("frozen before it hears of its claim, past its lease: it wakes, and the effect has happened once", async () => {
  using claim = mesh.hold({ at: "reply", service, name: "ClaimSteps", mentions: ["fault-letters"] });
  const run = await startRun(mesh, "letters");
  const { process } = await claim.seen();
  await mesh.mesh.kill(process, "SIGSTOP");
  await assertOnce(mesh, run, ["a", "b"]);
  await mesh.mesh.kill(process, "SIGCONT");
  claim.forward();
  await mesh.whole();
  // Whatever it still does with that claim it does before a claim of a later run.
  for (let more = 0; more < 6; more++) await assertOnce(mesh, await startRun(mesh, "letters"), ["a", "b"]);
  await assertOnce(mesh, run, ["a", "b"]);
});
