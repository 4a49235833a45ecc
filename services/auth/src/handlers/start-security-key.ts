import type { SecurityKeyChallenge, StartSecurityKeyRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { attemptSignIn, recordAttempt, refusalOf } from "../attempt-sign-in.ts";
import type { Context } from "../context.ts";
import { askSecurityKey, noSecurityKey } from "../security-keys.ts";
import { listSecurityKeys } from "../store/security-keys.ts";

/** The first half of a sign-in: only who has the password is asked for a key, and learns that there is one. */
export async function startSecurityKey(
  context: Context,
  request: StartSecurityKeyRequest,
  call: Call,
): Promise<SecurityKeyChallenge> {
  const { attempt, judged: first } = await attemptSignIn(context, { ...request, code: "" }, call);
  // Without a second factor the password would do: that it was right is written down, as nothing else follows.
  const judged =
    first.outcome === "succeeded"
      ? await recordAttempt(context, attempt, { ...first, outcome: "second_factor_required" }, call.requestId)
      : first;
  const { outcome, account } = judged;
  if (outcome !== "second_factor_required" || !account) throw refusalOf(judged, attempt.at);
  const keys = await listSecurityKeys(context.db, account);
  if (keys.length === 0) throw noSecurityKey(account.username);
  return askSecurityKey(context, { account, purpose: "sign_in", sessionId: null }, keys);
}
