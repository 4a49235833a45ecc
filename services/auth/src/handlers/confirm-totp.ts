import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { ConfirmTotpReply, ConfirmTotpRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { hashRecoveryCode, newRecoveryCodes } from "../credentials/recovery-code.ts";
import { matchingStep } from "../credentials/totp.ts";
import { ownSession, stepUpSession } from "../own-session.ts";
import { proveAgain } from "../prove-again.ts";
import { unsealTotp } from "../second-factor.ts";
import { accountKey } from "../state/find-account.ts";
import type { Account } from "../store/accounts.ts";
import { confirmTotp as confirm, readTotp, replaceRecoveryCodes } from "../store/second-factors.ts";

/** The first code shows that the app has the secret; from now on sign-ins ask for one. */
export async function confirmTotp(
  context: Context,
  request: ConfirmTotpRequest,
  call: Call,
): Promise<ConfirmTotpReply> {
  const own = await ownSession(context, call);
  const { account } = own;
  const totp = await readTotp(context.db, account);
  const pending = totp?.pending;
  const agedMs = Date.now() - (totp?.pending_at?.getTime() ?? 0);
  if (!pending || agedMs > context.config.secondFactor.recentS * 1000) throw nothingPending();
  const secret = unsealTotp(context, account, pending);
  const { proof: step, at } = await proveAgain(context, account, "second_factor.confirm", call, async (now) =>
    matchingStep(secret, request.code.trim(), now.getTime(), 0),
  );
  const recoveryCodes = await store(context, account, { pending, step, at }, call.requestId);
  context.accounts.forget(accountKey(account.tenant, account.subject));
  return { recoveryCodes, tokens: await stepUpSession(context, own, "otp", at, call) };
}

async function store(
  { db }: Context,
  account: Account,
  { pending, step, at }: { pending: Buffer; step: number; at: Date },
  requestId: string,
): Promise<string[]> {
  const codes = newRecoveryCodes();
  const hashes = codes.map(hashRecoveryCode).filter((hash) => hash !== undefined);
  await db.transaction(async (tx) => {
    if (!(await confirm(tx, account, pending, step, at))) throw nothingPending();
    await replaceRecoveryCodes(tx, account, hashes);
    await recordAudit(
      tx,
      {
        tenant: account.tenant,
        service: "auth",
        subject: account.subject,
        action: "second_factor.enrolled",
        resource: `Account/${account.username}`,
        outcome: "succeeded",
        requestId,
      },
      at,
    );
  });
  return codes;
}

function nothingPending(): AppError {
  return new AppError("FAILED_PRECONDITION", "no second factor waits for its first code; begin with EnrolTotp", {
    reason: "NOTHING_PENDING",
  });
}
