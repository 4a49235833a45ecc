import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { RemoveSecurityKeyReply, RemoveSecurityKeyRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { assertRecent } from "../assert-recent.ts";
import type { Context } from "../context.ts";
import { ownSession } from "../own-session.ts";
import { deleteSecurityKey, hasOtherSecondFactor } from "../store/security-keys.ts";

/** Whoever has a second factor keeps one: to go without is another admin's to allow. */
export async function removeSecurityKey(
  context: Context,
  { id }: RemoveSecurityKeyRequest,
  call: Call,
): Promise<RemoveSecurityKeyReply> {
  const own = await ownSession(context, call);
  const { account } = own;
  const at = new Date();
  assertRecent(context, own, at);
  const credentialId = Buffer.from(id, "base64url");
  await context.db.transaction(async (tx) => {
    const hasOther = await hasOtherSecondFactor(tx, account, credentialId);
    const name = await deleteSecurityKey(tx, account, credentialId);
    if (name === undefined) throw notFound(id);
    if (!hasOther) throw lastFactor();
    await recordAudit(
      tx,
      {
        tenant: account.tenant,
        service: "auth",
        subject: account.subject,
        action: "second_factor.removed",
        resource: `Account/${account.username}`,
        outcome: "succeeded",
        reason: `security key ${JSON.stringify(name)}`,
        requestId: call.requestId,
      },
      at,
    );
  });
  return {};
}

function notFound(id: string): AppError {
  return new AppError("NOT_FOUND", `you have no security key ${JSON.stringify(id.slice(0, 80))}; list them`, {
    reason: "SECURITY_KEY_NOT_FOUND",
    field: "id",
  });
}

function lastFactor(): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    "this is your only second factor; set up another first, or ask an admin to reset it",
    { reason: "LAST_SECOND_FACTOR" },
  );
}
