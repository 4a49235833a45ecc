import { isId } from "@agentmesh/ids";
import type { UserContext, WhoAmIRequest } from "@agentmesh/proto/auth";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import { toUserContext } from "../account-views.ts";
import type { Context } from "../context.ts";
import { findActiveAccount } from "../state/find-account.ts";
import { readSession } from "../store/sessions.ts";

export async function whoAmI(context: Context, _request: WhoAmIRequest, call: Call): Promise<DeepPartial<UserContext>> {
  const { tenant, subject, sessionId, permissions, stepUp, amr, authenticatedAtMs, actors } = requirePrincipal(call);
  const account = await findActiveAccount(context.accounts, tenant, subject);
  const session = isId(sessionId) ? await readSession(context.db, sessionId) : undefined;
  return toUserContext(account, {
    rights: { permissions, stepUp },
    authentication: { amr, atMs: authenticatedAtMs },
    actors,
    sessionExpiresAt: session?.expires_at,
  });
}
