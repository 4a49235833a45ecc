import type { PauseRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { commandRun } from "./command-run.ts";
import { readRunOf } from "./get-run.ts";

const MAX_REASON_CHARS = 500;

/** Nothing more of the run is released; what is at work goes on and its results are taken. */
export async function pauseRun(context: Context, request: PauseRunRequest, call: Call) {
  const { tenant, subject } = requirePrincipal(call);
  const reason = request.reason.slice(0, MAX_REASON_CHARS);
  await commandRun(context, call, {
    id: request.id,
    input: { kind: "pause", by: subject },
    action: "workflow.paused",
    reason,
  });
  return readRunOf(context, tenant, request.id);
}
