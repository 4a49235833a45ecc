import type { Received } from "@agentmesh/bus";
import { RunState, type WorkflowEnded } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

/** A run that was cancelled is counted, and not as bad. */
export function onWorkflowEnded({ tenant, time, data }: Received<WorkflowEnded>): Sample[] {
  const at = time ?? new Date();
  return [data, ...data.more].map(({ workflow, durationMs, state }) => ({
    tenant,
    series: "workflow_run",
    labels: { workflow },
    at,
    value: durationMs,
    timed: true,
    bad: state === RunState.FAILED,
  }));
}
