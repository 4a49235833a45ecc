import { recordAudit } from "@agentmesh/audit";
import type { EnrolTotpReply, EnrolTotpRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { assertRecent } from "../assert-recent.ts";
import type { Context } from "../context.ts";
import { newTotpSecret, toBase32, totpUri } from "../credentials/totp.ts";
import { ownSession } from "../own-session.ts";
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
