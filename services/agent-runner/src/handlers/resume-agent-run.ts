import type { AgentRunEvent, ResumeAgentRunRequest } from "@agentmesh/proto/runner";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { followRun } from "../durable/follow.ts";
import { findOwnRun } from "./own-run.ts";

/** On any replica: what is stored of the run first, then what happens. */
export async function* resumeAgentRun(
  context: Context,
  { id, afterSeq }: ResumeAgentRunRequest,
  call: Call,
): AsyncGenerator<AgentRunEvent> {
  const { tenant } = await findOwnRun(context, id, call);
  yield* followRun(context, { tenant, runId: id, afterSeq, signal: call.signal });
}
