import type { SignInRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import { attemptSignIn, recordAttempt, refusalOf } from "../attempt-sign-in.ts";
import type { Context } from "../context.ts";
import { withSecondFactor } from "../domain/authentication.ts";
import { openSession } from "../open-session.ts";
import { clearGuard, closedUntil } from "../store/sign-in-guards.ts";
import { lockedError } from "../wrong-credentials.ts";

/** Signs in with a password, and a code for those who have a second factor. */
export async function signIn(context: Context, request: SignInRequest, call: Call): Promise<TokenReply> {
  const { attempt, judged } = await attemptSignIn(context, request, call);
  const { account, source, outcome, factor } = judged;
  const { tenant, username, address, at } = attempt;
  if (outcome !== "succeeded" || !account) throw refusalOf(judged, at);
  const amr = factor ? withSecondFactor(["pwd"], factor) : ["pwd"];
  const guard = { tenant, username, source };
  let overtaken: Date | undefined;
  try {
    return await openSession(context, { account, address, at, amr, requestId: call.requestId }, async (tx) => {
      // The right one of many guesses at once comes too late as well; a recovery code opens what others closed.
      overtaken = factor === "recovery" ? undefined : await closedUntil(tx, guard, at);
      if (overtaken) throw lockedError(overtaken, at);
      await clearGuard(tx, guard);
    });
  } catch (error) {
    if (overtaken) await recordAttempt(context, attempt, { outcome: "locked", account, source }, call.requestId);
    throw error;
  }
}
