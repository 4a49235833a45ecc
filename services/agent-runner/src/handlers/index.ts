import type { ApplyResourceReply, ApplyResourceRequest } from "@agentmesh/proto/resource";
import type { runnerContract } from "@agentmesh/proto/runner.contract";
import type { Resources } from "@agentmesh/resources";
import type { Call, Handlers } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { cancelAgentRun } from "./cancel-agent-run.ts";
import { completeChat } from "./complete-chat.ts";
import { getAgentRun } from "./get-agent-run.ts";
import { listAgentRuns } from "./list-agent-runs.ts";
import { rateAgentRun } from "./rate-agent-run.ts";
import { resumeAgentRun } from "./resume-agent-run.ts";
import { runAgent } from "./run-agent.ts";
import { runAgentBatch } from "./run-agent-batch.ts";
import { deleteSessionOf, eraseMemory, getSession, listSessionsOf } from "./sessions.ts";
import { streamAgent } from "./stream-agent.ts";
import { streamChat } from "./stream-chat.ts";

export function handlers(context: Context, resources: Resources): Handlers<typeof runnerContract> {
  return {
    runAgent: (request, call) => runAgent(context, request, call),
    streamAgent: (request, call) => streamAgent(context, request, call),
    runAgentBatch: (request, call) => runAgentBatch(context, request, call),
    rateAgentRun: (request, call) => rateAgentRun(context, request, call),
    getAgentRun: (request, call) => getAgentRun(context, request, call),
    listAgentRuns: (request, call) => listAgentRuns(context, request, call),
    resumeAgentRun: (request, call) => resumeAgentRun(context, request, call),
    cancelAgentRun: (request, call) => cancelAgentRun(context, request, call),
    listSessions: (request, call) => listSessionsOf(context, request, call),
    getSession: (request, call) => getSession(context, request, call),
    deleteSession: (request, call) => deleteSessionOf(context, request, call),
    completeChat: (request, call) => completeChat(context, request, call),
    streamChat: (request, call) => streamChat(context, request, call),
    eraseMemory: (request, call) => eraseMemory(context, request, call),
    applyResource: (request, call) => applyResource(context, resources, request, call),
    getResource: resources.getResource,
    listResources: resources.listResources,
    deleteResource: resources.deleteResource,
  };
}

/** Who has applied an agent may run it: the reply waits until this replica knows the version. */
async function applyResource(
  context: Context,
  resources: Resources,
  request: ApplyResourceRequest,
  call: Call,
): Promise<ApplyResourceReply> {
  const reply = await resources.applyResource(request, call);
  const { resource } = reply;
  if (resource && !request.dryRun) {
    await context.directory.await(resource.kind, resource.tenant, resource.name, resource.version);
  }
  return reply;
}
