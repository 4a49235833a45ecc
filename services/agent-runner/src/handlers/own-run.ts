import { AppError } from "@agentmesh/errors";
import { holdsScope } from "@agentmesh/identity";
import { isId } from "@agentmesh/ids";
import type { AgentRun } from "@agentmesh/proto/runner";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { describeLive } from "../durable/describe-live.ts";
import { readLiveRun } from "../store/live-runs.ts";
import { readRun } from "../store/runs.ts";

// Whoever may change agents may look after their runs.
const OPERATOR_PERMISSION = "agent:update";

/** A run as it stands, under way or ended. @throws AppError NOT_FOUND (RUN_NOT_FOUND) */
export async function findRun({ db }: Context, tenant: string, id: string): Promise<AgentRun> {
  const row = isId(id) ? await readLiveRun(db, tenant, id) : undefined;
  if (row) return describeLive(row);
  const run = isId(id) ? await readRun(db, tenant, id) : undefined;
  return run ?? notFound(id);
}

/** The same for the user it belongs to and for operators. @throws AppError NOT_FOUND: others do not learn that it is */
export async function findOwnRun(context: Context, id: string, call: Call): Promise<AgentRun> {
  const { tenant, subject, permissions } = requirePrincipal(call);
  const run = await findRun(context, tenant, id);
  if (run.subject !== subject && !holdsScope(permissions, OPERATOR_PERMISSION, `agent/${run.agent}`))
    return notFound(id);
  call.requireResource(run.agent);
  return run;
}

function notFound(id: string): never {
  throw new AppError("NOT_FOUND", `agent run ${JSON.stringify(id.slice(0, 60))} does not exist`, {
    reason: "RUN_NOT_FOUND",
    field: "id",
  });
}
