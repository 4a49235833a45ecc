// A canary, or the middle of a rolling deploy: two replicas of the orchestrator that run different code, one of which has
// migrated the database for both.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { damagedCopy } from "../controls/damaged-copy.ts";
import { type FaultMesh, openFaultMesh } from "../mesh/fault-mesh.ts";
import { applyTools, applyWorkflow, chainOf } from "../mesh/resources.ts";
import { assertOnce, type StartedRun, startRun } from "../mesh/runs.ts";

let mesh: FaultMesh;
const stack = new AsyncDisposableStack();
const both = ["orchestrator", "orchestrator-2"];

/** What the other version does otherwise: its events say more, its migration adds what this one does not know. */
function otherVersion(): string {
  const copy = stack.use(
    damagedCopy("orchestrator", [
      {
        file: "src/domain/release-step.ts",
        good: 'say(draft, "step.dispatched", node, { epoch, attempt: step.attempt });',
        bad: 'say(draft, "step.dispatched", node, { epoch, attempt: step.attempt, code: "other" });',
      },
    ]),
  );
  const migration = join(dirname(copy.main), "..", "migrations", "9999-other-version.sql");
  writeFileSync(
    migration,
    "ALTER TABLE run ADD COLUMN other_version text; ALTER TABLE step ADD COLUMN other_version text;",
  );
  return copy.main;
}

before(async () => {
  const other = otherVersion();
  let orchestrators = 0;
  const mainOf = (service: string) =>
    service === "orchestrator" && orchestrators++ === 1 ? other : join("services", service, "src", "main.ts");
  mesh = stack.use(await openFaultMesh({ command: (service) => [process.execPath, mainOf(service)] }));
  await applyTools(mesh);
});
after(() => stack.disposeAsync());

/** Which versions gave out steps of runs. */
async function versionsOf(runs: readonly StartedRun[]): Promise<string[]> {
  const { rows } = await mesh.sql.query<{ code: string }>(
    `SELECT DISTINCT coalesce(e->'data'->>'code', 'own') AS code FROM orchestrator.run_event,
       json_array_elements(events) AS e WHERE run = ANY($1::uuid[]) AND e->>'type' = 'step.dispatched'`,
    [runs.map(({ id }) => id)],
  );
  return rows.map(({ code }) => code).toSorted();
}

test("each version goes on with what the other began and died of", async () => {
  await applyWorkflow(mesh, "shared", chainOf("a", "b", "c"));
  const runs: StartedRun[] = [];
  for (const [nth, name] of both.entries()) {
    using asked = mesh.hold({ at: "asked", name: nth === 0 ? "a" : "b" });
    const run = await startRun(mesh, "shared");
    runs.push(run);
    await asked.seen();
    await mesh.mesh.kill(name);
    asked.forward();
    await assertOnce(mesh, run, ["a", "b", "c"]);
    await mesh.whole();
  }
  // Whoever takes a start gives out its first step: asked in turn, both had some.
  for (let nth = 0; nth < 4; nth++) {
    const run = await startAt(nth % 2);
    runs.push(run);
    await assertOnce(mesh, run, ["a", "b", "c"]);
  }
  assert.deepEqual(await versionsOf(runs), ["other", "own"]);
});

function startAt(replica: number): Promise<StartedRun> {
  const orchestrators = mesh.orchestrators.slice(replica, replica + 1);
  return startRun({ ...mesh, orchestrators }, "shared");
}

test("both killed in the middle of a run whose definition changes meanwhile: it ends as it began", async () => {
  await applyWorkflow(mesh, "pinned", chainOf("a", "b"));
  using asked = mesh.hold({ at: "asked", name: "a" });
  const old = await startRun(mesh, "pinned");
  await asked.seen();
  await applyWorkflow(mesh, "pinned", chainOf("a", "extra", "b"));
  await Promise.all(both.map((name) => mesh.mesh.kill(name)));
  asked.forward();
  const young = await startRun(mesh, "pinned");
  const first = await assertOnce(mesh, old, ["a", "b"]);
  const second = await assertOnce(mesh, young, ["a", "extra", "b"]);
  assert.deepEqual([first.version, second.version], [1, 2]);
  await mesh.whole();
});
