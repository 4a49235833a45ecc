import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { ListAgentRunsReply, ListAgentRunsRequest } from "@agentmesh/proto/runner";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { listRuns } from "../store/runs.ts";

const DEFAULT_PAGE = 50;
const MAX_PAGE = 200;

export async function listAgentRuns(
  context: Context,
  request: ListAgentRunsRequest,
  call: Call,
): Promise<DeepPartial<ListAgentRunsReply>> {
  const { tenant } = requirePrincipal(call);
  const { agent, pageToken } = request;
  if (pageToken && !isId(pageToken)) {
    throw new AppError("INVALID_ARGUMENT", "page_token is not one that a list answered", { field: "page_token" });
  }
  const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const runs = await listRuns(context.db, { tenant, agent, before: pageToken, limit });
  return { runs, nextPageToken: runs.length === limit ? (runs.at(-1)?.id ?? "") : "" };
}
