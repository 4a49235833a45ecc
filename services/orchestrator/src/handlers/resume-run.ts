import type { ResumeRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { commandRun } from "./command-run.ts";
import { readRunOf } from "./get-run.ts";

/** Its timers and its deadline move by the time it stood still. */
export async function resumeRun(context: Context, request: ResumeRunRequest, call: Call) {
  const { tenant, subject } = requirePrincipal(call);
  const input = { kind: "resume", by: subject } as const;
  await commandRun(context, call, { id: request.id, input, action: "workflow.resumed" });
  return readRunOf(context, tenant, request.id);
}
