import type { FinishSecurityKeyRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { recordAttempt } from "../attempt-sign-in.ts";
import type { Context } from "../context.ts";
import { withSecondFactor } from "../domain/authentication.ts";
import { openSession } from "../open-session.ts";
import { remoteAddressOf } from "../remote-address.ts";
import { badKey, isSignedByKey, takeAsked } from "../security-keys.ts";
import { readAccount } from "../store/accounts.ts";
import { clearGuard, readGuard } from "../store/sign-in-guards.ts";
import { badCredentials } from "../wrong-credentials.ts";

/**
 * The second half of a sign-in, once for each that was started. A lock that others caused meanwhile does not matter here:
 * the password was right, and nobody guesses a signature.
 */
export async function finishSecurityKey(
  context: Context,
  { handle, credential }: FinishSecurityKeyRequest,
  call: Call,
): Promise<TokenReply> {
  const at = new Date();
  const { tenant, subject } = await takeAsked(context, handle, "sign_in", at);
  const account = await readAccount(context.db, tenant, subject);
  if (!account) throw badCredentials();
  const { username } = account;
  const attempt = { tenant, username, address: remoteAddressOf(call), at };
  const { source } = await readGuard(context.db, attempt);
  if (account.disabled_at) {
    await recordAttempt(context, attempt, { outcome: "disabled", account, source }, call.requestId);
    throw badCredentials();
  }
  if (!(await isSignedByKey(context, account, handle, credential, at))) {
    await recordAttempt(context, attempt, { outcome: "wrong_code", account, source }, call.requestId);
    throw badKey();
  }
  const amr = withSecondFactor(["pwd"], "key");
  return openSession(context, { account, address: attempt.address, at, amr, requestId: call.requestId }, (tx) =>
    clearGuard(tx, { tenant, username, source }),
  );
}
