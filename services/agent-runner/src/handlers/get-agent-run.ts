import type { AgentRun, GetAgentRunRequest } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { findRun } from "./own-run.ts";

/** Runs that are under way are known from their start when they are streamed, detached or belong to a session. */
export async function getAgentRun(context: Context, request: GetAgentRunRequest, call: Call): Promise<AgentRun> {
  const run = await findRun(context, requirePrincipal(call).tenant, request.id);
  call.requireResource(run.agent);
  return run;
}
