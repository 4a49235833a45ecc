import type { SecurityKeyChallenge, StartStepUpRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { ownSession } from "../own-session.ts";
import { askSecurityKey, noSecurityKey } from "../security-keys.ts";
import { listSecurityKeys } from "../store/security-keys.ts";

export async function startStepUp(
  context: Context,
  _request: StartStepUpRequest,
  call: Call,
): Promise<SecurityKeyChallenge> {
  const { account, session } = await ownSession(context, call);
  const keys = await listSecurityKeys(context.db, account);
  if (keys.length === 0) throw noSecurityKey(account.username);
  return askSecurityKey(context, { account, purpose: "step_up", sessionId: session.id }, keys);
}
