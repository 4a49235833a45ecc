import type { ListSecurityKeysReply, ListSecurityKeysRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { ownSession } from "../own-session.ts";
import { toSecurityKey } from "../security-keys.ts";
import { listSecurityKeys as readSecurityKeys } from "../store/security-keys.ts";

export async function listSecurityKeys(
  context: Context,
  _request: ListSecurityKeysRequest,
  call: Call,
): Promise<ListSecurityKeysReply> {
  const { account } = await ownSession(context, call);
  return { keys: (await readSecurityKeys(context.db, account)).map(toSecurityKey) };
}
