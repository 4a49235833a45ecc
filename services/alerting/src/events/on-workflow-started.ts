import type { Received } from "@agentmesh/bus";
import type { WorkflowStarted } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

export function onWorkflowStarted({ tenant, time, data }: Received<WorkflowStarted>): Sample[] {
  const at = time ?? new Date();
  return [data, ...data.more].map(({ workflow, origin }) => {
    // `trigger/NAME`, `user:ID`: only what kind of origin it was, or every caller would be a label set.
    const [kind = ""] = origin.split(/[:/]/);
    return { tenant, series: "workflow_start", labels: { workflow, origin: kind }, at };
  });
}
