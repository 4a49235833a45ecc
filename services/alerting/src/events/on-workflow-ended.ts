import type { Received } from "@agentmesh/bus";
import { RunState, type WorkflowEnded } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

/** A run that was cancelled is counted, and not as bad. */
export function onWorkflowEnded({ tenant, time, data }: Received<WorkflowEnded>): Sample[] {
  return [
    {
      tenant,
      series: "workflow_run",
      labels: { workflow: data.workflow },
      at: time ?? new Date(),
      value: data.durationMs,
      timed: true,
      bad: data.state === RunState.FAILED,
    },
  ];
}
