import type { Received } from "@agentmesh/bus";
import type { WorkflowNeedsAttention } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

export function onWorkflowNeedsAttention({ tenant, time, data }: Received<WorkflowNeedsAttention>): Sample[] {
  const { workflow, reason } = data;
  return [{ tenant, series: "workflow_attention", labels: { workflow, reason }, at: time ?? new Date() }];
}
