import type { AgentRunEvent, RunAgentRequest } from "@agentmesh/proto/runner";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { followRun } from "../durable/follow.ts";
import { runDurably } from "../durable/run-durably.ts";
import { cancelled } from "../durable/runs.ts";
import { readRequest } from "./read-request.ts";
import { withSessionIfKept } from "./session-of.ts";

/**
 * The run as events, numbered from 1. It goes on when its reader leaves, who can resume it, unless asked to be cancelled
 * then; what it cost is recorded either way.
 */
export async function* streamAgent(
  context: Context,
  asked: RunAgentRequest,
  call: Call,
): AsyncGenerator<AgentRunEvent> {
  const request = withSessionIfKept(context, asked, call);
  const detached = new AbortController();
  const { durable, running } = await runDurably(context, request, {
    ...readRequest(request, call),
    signal: detached.signal,
  });
  // What never began has no events to tell why.
  const refused = new AbortController();
  running.catch((error) => {
    if (!durable.hasBegun) refused.abort(error);
  });
  const signal = AbortSignal.any([call.signal, refused.signal]);
  let isOver = false;
  try {
    for await (const event of followRun(context, { tenant: durable.tenant, runId: durable.id, afterSeq: 0, signal })) {
      isOver = event.event?.$case === "ended";
      yield event;
    }
  } finally {
    if (!isOver && request.cancelOnDisconnect) detached.abort(cancelled());
  }
}
