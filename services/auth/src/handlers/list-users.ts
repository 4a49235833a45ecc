import type { ListUsersReply, ListUsersRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toUser } from "../account-views.ts";
import type { Context } from "../context.ts";
import { listAccounts } from "../store/accounts.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 500;

export async function listUsers(context: Context, request: ListUsersRequest, call: Call): Promise<ListUsersReply> {
  const { tenant } = requirePrincipal(call);
  const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const accounts = await listAccounts(context.db, tenant, request.pageToken, limit);
  return {
    users: accounts.map(toUser),
    nextPageToken: accounts.length === limit ? (accounts.at(-1)?.username ?? "") : "",
  };
}
