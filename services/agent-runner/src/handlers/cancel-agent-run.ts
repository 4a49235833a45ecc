import { AgentRun_State, type CancelAgentRunReply, type CancelAgentRunRequest } from "@agentmesh/proto/runner";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { askToCancel } from "../store/live-runs.ts";
import { findOwnRun, findRun } from "./own-run.ts";

/** The wish is stored first: a hint that is lost, or a replica that is dead, delays it only. */
export async function cancelAgentRun(
  context: Context,
  { id }: CancelAgentRunRequest,
  call: Call,
): Promise<DeepPartial<CancelAgentRunReply>> {
  const run = await findOwnRun(context, id, call);
  if (run.state !== AgentRun_State.RUNNING) return { run };
  if (!(await askToCancel(context.db, run.tenant, id))) return { run: await findRun(context, run.tenant, id) };
  context.durable.hub.nudge(id);
  return { run };
}
