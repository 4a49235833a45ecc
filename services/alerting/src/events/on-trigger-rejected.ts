import type { Received } from "@agentmesh/bus";
import type { TriggerRejected } from "@agentmesh/proto/orchestrator";
import type { Sample } from "../domain/samples.ts";

export function onTriggerRejected({ tenant, time, data }: Received<TriggerRejected>): Sample[] {
  const { trigger, code } = data;
  return [{ tenant, series: "trigger_rejected", labels: { trigger, code }, at: time ?? new Date() }];
}
