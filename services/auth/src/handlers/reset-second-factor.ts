import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { ResetSecondFactorRequest, User } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toUser } from "../account-views.ts";
import type { Context } from "../context.ts";
import { normaliseUsername } from "../domain/usernames.ts";
import { accountKey } from "../state/find-account.ts";
import { readAccountByUsername } from "../store/accounts.ts";
import { deleteSecondFactor } from "../store/second-factors.ts";
import { endSessionsOf } from "../store/sessions.ts";
import { userNotFound } from "./disable-user.ts";

/** For a lost device whose recovery codes are lost too. Whoever had the device has no session either. */
export async function resetSecondFactor(
  context: Context,
  request: ResetSecondFactorRequest,
  call: Call,
): Promise<User> {
  const { tenant, subject: admin } = requirePrincipal(call);
  const username = normaliseUsername(request.username);
  const at = new Date();
  const account = await context.db.transaction(async (tx) => {
    const found = await readAccountByUsername(tx, tenant, username);
    if (!found) throw userNotFound(tenant, username);
    if (found.subject === admin) {
      throw new AppError("FAILED_PRECONDITION", `${username} is you; another admin must reset your second factor`, {
        reason: "CANNOT_RESET_SELF",
      });
    }
    await deleteSecondFactor(tx, found);
    const ended = await endSessionsOf(tx, { tenant, subject: found.subject, keep: 0 }, at, "second_factor_reset");
    await context.revocations.revokeSessions(tx, tenant, ended, at.getTime());
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: admin,
        action: "second_factor.reset",
        resource: `Account/${username}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
    return { ...found, second_factor_at: null };
  });
  context.accounts.forget(accountKey(tenant, account.subject));
  await context.revocations.publish();
  return toUser(account);
}
