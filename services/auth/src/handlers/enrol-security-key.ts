import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { EnrolSecurityKeyRequest, SecurityKeyChallenge } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { assertRecent } from "../assert-recent.ts";
import type { Context } from "../context.ts";
import { ownSession } from "../own-session.ts";
import { askSecurityKey } from "../security-keys.ts";
import { listSecurityKeys } from "../store/security-keys.ts";

export const MAX_SECURITY_KEYS = 10;

/** Begins a setup, which changes nothing until the browser's answer is confirmed. */
export async function enrolSecurityKey(
  context: Context,
  _request: EnrolSecurityKeyRequest,
  call: Call,
): Promise<SecurityKeyChallenge> {
  const own = await ownSession(context, call);
  const { account, session } = own;
  const at = new Date();
  assertRecent(context, own, at);
  const keys = await listSecurityKeys(context.db, account);
  if (keys.length >= MAX_SECURITY_KEYS) throw tooManyKeys();
  const challenge = await askSecurityKey(context, { account, purpose: "enrol", sessionId: session.id }, keys);
  await context.db.transaction((tx) =>
    recordAudit(
      tx,
      {
        tenant: account.tenant,
        service: "auth",
        subject: account.subject,
        action: "second_factor.begun",
        resource: `Account/${account.username}`,
        outcome: "succeeded",
        reason: "security key",
        requestId: call.requestId,
      },
      at,
    ),
  );
  return challenge;
}

export function tooManyKeys(): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `an account has ${MAX_SECURITY_KEYS} security keys at most; remove one that you no longer use`,
    { reason: "TOO_MANY_SECURITY_KEYS" },
  );
}
