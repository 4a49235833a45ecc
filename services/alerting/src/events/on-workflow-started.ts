import type { Received } from "@agentmesh/bus";
import type { WorkflowStarted } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

export function onWorkflowStarted({ tenant, time, data }: Received<WorkflowStarted>): Sample[] {
  // `trigger/NAME`, `user:ID`: only what kind of origin it was, or every caller would be a label set.
  const [origin = ""] = data.origin.split(/[:/]/);
  return [{ tenant, series: "workflow_start", labels: { workflow: data.workflow, origin }, at: time ?? new Date() }];
}
