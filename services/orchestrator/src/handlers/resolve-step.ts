import { AppError } from "@agentmesh/errors";
import { Resolution, type ResolveStepRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { commandRun } from "./command-run.ts";
import { readRunOf } from "./get-run.ts";

/** What a person found out about a step that is in doubt, or about an undo that gave up. */
export async function resolveStep(context: Context, request: ResolveStepRequest, call: Call) {
  const { tenant, subject } = requirePrincipal(call);
  const { id, node, shard } = request;
  const action = actionOf(request.action);
  const output: unknown = request.output;
  await commandRun(context, call, {
    id,
    input: { kind: "resolve", node, shard, action, by: subject, ...(output !== undefined && { output }) },
    action: "workflow.step_resolved",
    reason: action,
    part: `steps/${node}#${shard}`,
  });
  return readRunOf(context, tenant, id);
}

function actionOf(action: Resolution): "retry" | "succeed" | "fail" {
  switch (action) {
    case Resolution.RETRY:
      return "retry";
    case Resolution.SUCCEED:
      return "succeed";
    case Resolution.FAIL:
      return "fail";
    case Resolution.UNSPECIFIED:
    case Resolution.UNRECOGNIZED:
      throw new AppError("INVALID_ARGUMENT", "action must be RETRY, SUCCEED or FAIL", {
        reason: "BAD_ACTION",
        field: "action",
      });
    default:
      return action satisfies never;
  }
}
