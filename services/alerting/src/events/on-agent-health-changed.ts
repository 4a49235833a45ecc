import type { Received } from "@agentmesh/bus";
import type { AgentHealthChanged } from "@agentmesh/proto/runner";
import type { Sample } from "../domain/samples.ts";

export function onAgentHealthChanged({ tenant, time, data }: Received<AgentHealthChanged>): Sample[] {
  const { agent, healthy, at } = data;
  return [{ tenant, series: "agent_health", labels: { agent }, at: at ?? time ?? new Date(), bad: !healthy }];
}
