import type { ListApiKeysReply, ListApiKeysRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toApiKey } from "../api-key-view.ts";
import type { Context } from "../context.ts";
import { listApiKeys as readApiKeys } from "../store/api-keys.ts";

// The contract has no pages; the youngest are the ones that are asked for.
const MAX_LISTED = 500;

export async function listApiKeys(
  context: Context,
  _request: ListApiKeysRequest,
  call: Call,
): Promise<ListApiKeysReply> {
  const { tenant } = requirePrincipal(call);
  return { keys: (await readApiKeys(context.db, tenant, MAX_LISTED)).map(toApiKey) };
}
