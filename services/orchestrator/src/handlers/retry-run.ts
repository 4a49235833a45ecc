import type { RetryRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { commandRun } from "./command-run.ts";
import { readRunOf } from "./get-run.ts";

/** What succeeded stays; the rest is tried again with the same idempotency keys and a new deadline. */
export async function retryRun(context: Context, request: RetryRunRequest, call: Call) {
  const { tenant, subject } = requirePrincipal(call);
  const { id, from } = request;
  await commandRun(context, call, {
    id,
    input: { kind: "retry", by: subject, ...(from !== "" && { from }) },
    action: "workflow.retried",
    reason: from,
  });
  return readRunOf(context, tenant, id);
}
