// What tests of runs say again and again.
import { eventually } from "@agentmesh/harness";
import { type Run, RunState, type Step } from "@agentmesh/proto/orchestrator";
import type { Mesh } from "./mesh.fixture.ts";

const live: ReadonlySet<string> = new Set([RunState.RUNNING, RunState.COMPENSATING]);

/** The run when it has ended. A busy machine takes its time. */
export function ended(mesh: Mesh, id: string): Promise<Run> {
  return until(mesh, id, (run) => !live.has(run.state), "its end");
}

/** The run when something holds of it. */
export function until(mesh: Mesh, id: string, holds: (run: Run) => boolean, what: string): Promise<Run> {
  return eventually(
    async () => {
      const run = await mesh.run(id);
      return holds(run) && run;
    },
    { what: `run ${id}: ${what}`, timeoutMs: 60_000 },
  );
}

export async function finish(mesh: Mesh, workflow: string, input: object = {}): Promise<Run> {
  const { id } = await mesh.start(workflow, input);
  return ended(mesh, id);
}

export function stepOf(run: Run, node: string): Step {
  const found = run.steps.find((step) => step.node === node);
  if (!found) throw new Error(`run ${run.id} has no step ${node}; it has ${run.steps.map((step) => step.node)}`);
  return found;
}

export function isState(node: string, state: string): (run: Run) => boolean {
  return (run) => stepOf(run, node).state === state;
}

/** A tool step. */
export function tool(id: string, more: object = {}): object {
  return { id, kind: "tool", tool: "echo", ...more };
}
