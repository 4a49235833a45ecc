import { type Run, RunState } from "@agentmesh/proto/orchestrator";
import { stateCell } from "./state.ts";
import type { Cell } from "./table.ts";

/** Whether a run has not ended: it works, or undoes what it did. */
export function isLive({ state }: Pick<Run, "state">): boolean {
  return state === RunState.RUNNING || state === RunState.COMPENSATING;
}

/** A run's state, or what matters more of one that has not ended: that it is paused, or will be late. */
export function runStateCell(run: Run): Cell {
  if (run.paused && isLive(run)) return { text: "paused", style: "yellow" };
  if (run.atRisk && isLive(run)) return { text: "at risk", style: "yellow" };
  return stateCell(run.state);
}
