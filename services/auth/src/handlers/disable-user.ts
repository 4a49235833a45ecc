import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { DisableUserRequest, User } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toUser } from "../account-views.ts";
import type { Context } from "../context.ts";
import { normaliseUsername } from "../domain/usernames.ts";
import { accountKey } from "../state/find-account.ts";
import { disableAccount } from "../store/accounts.ts";
import { endSessionsOf } from "../store/sessions.ts";

/** Ends an account's sessions, keys and tokens at once; nothing of it can be used from then on. */
export async function disableUser(context: Context, request: DisableUserRequest, call: Call): Promise<User> {
  const { tenant, subject: admin } = requirePrincipal(call);
  const username = normaliseUsername(request.username);
  const at = new Date();
  const account = await context.db.transaction(async (tx) => {
    const disabled = await disableAccount(tx, tenant, username, at, "admin");
    if (!disabled) throw userNotFound(tenant, username);
    if (disabled.subject === admin) throw oneself(username);
    const ended = await endSessionsOf(tx, { tenant, subject: disabled.subject, keep: 0 }, at, "account_disabled");
    // One row for the subject covers its sessions and its API keys; those of the sessions stay when that one is lifted.
    await context.revocations.revokeSessions(tx, tenant, ended, at.getTime());
    await context.revocations.revokeSubject(tx, tenant, disabled.subject, at.getTime());
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: admin,
        action: "account.disabled",
        resource: `Account/${username}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
    return disabled;
  });
  context.accounts.forget(accountKey(tenant, account.subject));
  await context.revocations.publish();
  return toUser(account);
}

export function userNotFound(tenant: string, username: string): AppError {
  return new AppError("NOT_FOUND", `tenant ${tenant} has no user ${JSON.stringify(username.slice(0, 80))}; list them`, {
    reason: "USER_NOT_FOUND",
    field: "username",
  });
}

function oneself(username: string): AppError {
  return new AppError("FAILED_PRECONDITION", `${username} is you; another admin must disable this account`, {
    reason: "CANNOT_DISABLE_SELF",
  });
}
