import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { AgentRun, GetAgentRunRequest } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { readRun } from "../store/runs.ts";

export async function getAgentRun(context: Context, request: GetAgentRunRequest, call: Call): Promise<AgentRun> {
  const { tenant } = requirePrincipal(call);
  const run = isId(request.id) ? await readRun(context.db, tenant, request.id) : undefined;
  if (run) return run;
  throw new AppError(
    "NOT_FOUND",
    `agent run ${JSON.stringify(request.id.slice(0, 60))} does not exist or has not ended`,
    {
      reason: "RUN_NOT_FOUND",
      field: "id",
    },
  );
}
