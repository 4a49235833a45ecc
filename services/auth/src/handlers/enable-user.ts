import { recordAudit } from "@agentmesh/audit";
import type { EnableUserRequest, User } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toUser } from "../account-views.ts";
import type { Context } from "../context.ts";
import { normaliseUsername } from "../domain/usernames.ts";
import { accountKey } from "../state/find-account.ts";
import { enableAccount } from "../store/accounts.ts";
import { clearGuardsOf } from "../store/sign-in-guards.ts";
import { userNotFound } from "./disable-user.ts";

/** Ended sessions stay ended; API keys that were not revoked count again. */
export async function enableUser(context: Context, request: EnableUserRequest, call: Call): Promise<User> {
  const { tenant, subject: admin } = requirePrincipal(call);
  const username = normaliseUsername(request.username);
  const at = new Date();
  const account = await context.db.transaction(async (tx) => {
    const enabled = await enableAccount(tx, tenant, username);
    if (!enabled) throw userNotFound(tenant, username);
    await clearGuardsOf(tx, tenant, username);
    await context.revocations.liftSubject(tx, tenant, enabled.subject, at.getTime());
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: admin,
        action: "account.enabled",
        resource: `Account/${username}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
    return enabled;
  });
  context.accounts.forget(accountKey(tenant, account.subject));
  await context.revocations.publish();
  return toUser(account);
}
