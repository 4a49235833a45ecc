import type { AgentRun, RunAgentRequest } from "@agentmesh/proto/runner";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { executeRun } from "../run/execute-run.ts";
import { readRequest } from "./read-request.ts";

/** A run that failed is an answer, with its failure in it; an error is what kept it from beginning. */
export async function runAgent(context: Context, request: RunAgentRequest, call: Call): Promise<AgentRun> {
  return context.inFlight.track(executeRun(context, readRequest(request, call)));
}
