import { type Run, RunState } from "@agentmesh/proto/orchestrator";

/** Whether a run has not ended: it works, or undoes what it did. */
export function isLive({ state }: Pick<Run, "state">): boolean {
  return state === RunState.RUNNING || state === RunState.COMPENSATING;
}
