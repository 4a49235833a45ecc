import { AgentRun, AgentRun_State, RunAgentRequest } from "@agentmesh/proto/runner";
import type { LiveRow } from "../store/live-runs.ts";

/** A run that is under way, as far as its row tells. */
export function describeLive(row: LiveRow): AgentRun {
  const { labels, session } = RunAgentRequest.decode(row.request);
  return AgentRun.fromPartial({
    id: row.id,
    tenant: row.tenant,
    agent: row.agent,
    state: AgentRun_State.RUNNING,
    cache: "none",
    startedAt: row.started_at,
    subject: row.subject,
    labels,
    session,
    attempt: row.epoch,
  });
}
