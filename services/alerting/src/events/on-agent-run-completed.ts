import type { Received } from "@agentmesh/bus";
import { AgentRun_State, type AgentRunCompleted } from "@agentmesh/proto/runner";
import type { Sample } from "../domain/samples.ts";

const NANO = 1e9;

/** A run that the caller took back is counted, and not as bad. */
export function onAgentRunCompleted({ tenant, time, data }: Received<AgentRunCompleted>): Sample[] {
  const { agent, model } = data;
  const at = time ?? new Date();
  const costNanoUsd = data.usage?.costNanoUsd ?? 0n;
  const of = { tenant, labels: { agent, model }, at };
  const failed = data.state === AgentRun_State.FAILED;
  const run: Sample = { ...of, series: "agent_run", value: data.durationMs, timed: true, bad: failed };
  return costNanoUsd > 0n ? [run, { ...of, series: "cost", value: Number(costNanoUsd) / NANO }] : [run];
}
