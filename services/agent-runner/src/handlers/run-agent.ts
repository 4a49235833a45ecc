import { isAppError } from "@agentmesh/errors";
import type { AgentRun, RunAgentRequest } from "@agentmesh/proto/runner";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { describeLive } from "../durable/describe-live.ts";
import { followRun } from "../durable/follow.ts";
import { type Begun, runDurably } from "../durable/run-durably.ts";
import { executeRun } from "../run/execute-run.ts";
import { recollect } from "../sessions/recollect.ts";
import { readLiveRun } from "../store/live-runs.ts";
import { readRequest } from "./read-request.ts";
import { withSessionIfKept } from "./session-of.ts";

/**
 * A run that failed is an answer, with its failure in it; an error is what kept it from beginning. A caller who leaves
 * cancels the run, unless it was asked for detached.
 */
export async function runAgent(context: Context, asked: RunAgentRequest, call: Call): Promise<DeepPartial<AgentRun>> {
  const request = withSessionIfKept(context, asked, call);
  const read = readRequest(request, call);
  if (!request.detached && !request.session) {
    const definition = context.directory.agent(read.caller.tenant, read.agent);
    const conversation = recollect(context, definition, read.caller, undefined);
    return context.inFlight.track(executeRun(context, { ...read, conversation }));
  }
  if (!request.detached) return endOf(context, await runDurably(context, request, read), call.signal);
  const { durable, running } = await runDurably(context, request, { ...read, signal: new AbortController().signal });
  const row = await readLiveRun(context.db, durable.tenant, durable.id);
  // It may have ended by now.
  return row ? describeLive(row) : running;
}

/** Of a run that another replica took over in the middle, the end it had there. */
async function endOf(context: Context, { durable, running }: Begun, signal: AbortSignal): Promise<AgentRun> {
  try {
    return await running;
  } catch (error) {
    if (!isAppError(error) || error.reason !== "FENCED") throw error;
    const { tenant, id: runId } = durable;
    for await (const { event } of followRun(context, { tenant, runId, afterSeq: 0, signal })) {
      if (event?.$case === "ended") return event.value;
    }
    throw error;
  }
}
