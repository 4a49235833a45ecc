import type { CancelRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { commandRun } from "./command-run.ts";
import { readRunOf } from "./get-run.ts";

const MAX_REASON_CHARS = 500;

/** The run's lock decides between a cancel and a result that come together; cancelling an ended run changes nothing. */
export async function cancelRun(context: Context, request: CancelRunRequest, call: Call) {
  const { tenant, subject } = requirePrincipal(call);
  const { id } = request;
  const reason = request.reason.slice(0, MAX_REASON_CHARS);
  await commandRun(context, call, {
    id,
    input: { kind: "cancel", by: subject, reason },
    action: "workflow.cancelled",
    reason,
  });
  return readRunOf(context, tenant, id);
}
