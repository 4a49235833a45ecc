import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { EnrolTotpReply, EnrolTotpRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { newTotpSecret, toBase32, totpUri } from "../credentials/totp.ts";
import { secondFactorAtMs } from "../domain/authentication.ts";
import { type Own, ownSession } from "../own-session.ts";
import { sealTotp } from "../second-factor.ts";
import { putPendingTotp } from "../store/second-factors.ts";

/** Begins a setup. What counted before counts until the new one is confirmed. */
export async function enrolTotp(context: Context, _request: EnrolTotpRequest, call: Call): Promise<EnrolTotpReply> {
  const own = await ownSession(context, call);
  const { account } = own;
  const at = new Date();
  assertRecent(context, own, at);
  const secret = newTotpSecret();
  await context.db.transaction(async (tx) => {
    await putPendingTotp(tx, account, sealTotp(context, account, secret), at);
    await recordAudit(
      tx,
      {
        tenant: account.tenant,
        service: "auth",
        subject: account.subject,
        action: "second_factor.begun",
        resource: `Account/${account.username}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
  });
  const { issuer } = context.config.secondFactor;
  return { secret: toBase32(secret), uri: totpUri(secret, `${issuer} ${account.tenant}`, account.username) };
}

/** A token somebody found must not set up a second factor, nor replace one: the owner has just proven to be there. */
function assertRecent({ config }: Context, { account, session }: Own, at: Date): void {
  const authentication = { amr: session.amr, atMs: session.authenticated_at.getTime() };
  const provenAtMs = account.second_factor_at ? secondFactorAtMs(authentication) : authentication.atMs;
  if (provenAtMs !== undefined && at.getTime() - provenAtMs <= config.secondFactor.recentS * 1000) return;
  throw account.second_factor_at
    ? new AppError("PERMISSION_DENIED", "give a code of the second factor there is first, with StepUp", {
        reason: "STEP_UP_REQUIRED",
      })
    : new AppError(
        "PERMISSION_DENIED",
        `a second factor is set up within ${config.secondFactor.recentS} s of signing in; sign in again first`,
        { reason: "SIGN_IN_AGAIN" },
      );
}
