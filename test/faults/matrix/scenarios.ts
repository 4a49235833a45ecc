// What the matrix asserts of the real source and the negative controls of a damaged one.
import { eventually } from "@agentmesh/harness";
import type { FaultMesh } from "../mesh/fault-mesh.ts";
import { effectStep } from "../mesh/resources.ts";
import { type StartedRun, startRun } from "../mesh/runs.ts";

/** Two steps at a time, and a third when both are done. */
export const joined: object = { steps: [effectStep("x"), effectStep("y"), effectStep("z", { dependsOn: ["x", "y"] })] };

/** Three at a time, and a fourth when two of them are done. */
export const twoOfThree: object = {
  steps: [
    effectStep("x"),
    effectStep("y"),
    effectStep("w", { onFailure: "continue", retry: { attempts: 1 } }, { refuse: true }),
    { id: "two", kind: "gather", from: ["x", "y", "w"], success: { count: 2 } },
    effectStep("z", { dependsOn: ["two"] }),
  ],
};

/** Kills the runner after the effect of `a`, before it knows of it. */
export async function killAfterEffect(mesh: FaultMesh, workflow: string): Promise<StartedRun> {
  using held = mesh.hold({ at: "applied", name: "a" });
  const run = await startRun(mesh, workflow);
  const { process } = await held.seen();
  await mesh.mesh.kill(process);
  held.drop();
  return run;
}

/**
 * Two results of one run at once: the first is about to be committed when the second is taken. With the lock on the run
 * the second waits before it reads the run; without it, once it has read what is no longer true a moment later.
 */
export async function twoResultsAtOnce(mesh: FaultMesh, workflow: string): Promise<StartedRun> {
  using x = mesh.hold({ at: "asked", name: "x" });
  using y = mesh.hold({ at: "asked", name: "y" });
  const run = await startRun(mesh, workflow);
  await Promise.all([x.seen(), y.seen()]);
  await othersSettled(mesh, run);
  using first = mesh.hold({ at: "commit", service: "orchestrator", mentions: [`x#0:${run.mark}`] });
  x.forward();
  await first.seen();
  y.forward();
  await someoneWaits(mesh);
  first.forward();
  return run;
}

/** A third result on its way would be the second of the two, or come between them. */
async function othersSettled({ sql }: FaultMesh, { id }: StartedRun): Promise<void> {
  await eventually(
    async () => {
      const { rowCount } = await sql.query(
        `SELECT 1 FROM orchestrator.step
         WHERE run = $1 AND node NOT IN ('x', 'y') AND state IN ('dispatched', 'running')`,
        [id],
      );
      return rowCount === 0;
    },
    { what: "no step but x and y to be under way" },
  );
}

/** Waits until somebody waits for the lock of a row that is held. */
export async function someoneWaits({ sql }: FaultMesh): Promise<void> {
  await eventually(
    async () => {
      const { rowCount } = await sql.query(
        "SELECT 1 FROM pg_stat_activity WHERE application_name = 'orchestrator' AND wait_event_type = 'Lock'",
      );
      return rowCount;
    },
    { what: "a transaction that waits for a lock" },
  );
}
