import type { Received } from "@agentmesh/bus";
import type { WorkflowAtRisk } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

export function onWorkflowAtRisk({ tenant, time, data }: Received<WorkflowAtRisk>): Sample[] {
  return [{ tenant, series: "workflow_at_risk", labels: { workflow: data.workflow }, at: time ?? new Date() }];
}
