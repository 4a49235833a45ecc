import type { RunAgentRequest } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";

/** The request without its session where the agent keeps none and the caller does not mind. */
export function withSessionIfKept(context: Context, request: RunAgentRequest, call: Call): RunAgentRequest {
  if (!request.session || !request.sessionIfKept) return request;
  const { memory } = context.directory.agent(requirePrincipal(call).tenant, request.agent).spec;
  return memory.session ? request : { ...request, session: "" };
}
