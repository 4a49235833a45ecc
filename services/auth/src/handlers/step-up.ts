import { AppError } from "@agentmesh/errors";
import type { StepUpRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { SecondFactor } from "../domain/authentication.ts";
import { type Own, ownSession, stepUpSession } from "../own-session.ts";
import { proveAgain } from "../prove-again.ts";
import { spendCode } from "../second-factor.ts";
import { badKey, isSignedByKey, takeAskedIn } from "../security-keys.ts";

/** The second factor in a session that lasts: its next tokens say so, and carry what needs one. */
export async function stepUp(context: Context, request: StepUpRequest, call: Call): Promise<TokenReply> {
  const own = await ownSession(context, call);
  const { account } = own;
  if (!account.second_factor_at) {
    throw new AppError(
      "FAILED_PRECONDITION",
      `${account.username} has no second factor; set one up first with EnrolTotp (POST /v1/auth/totp) or EnrolSecurityKey`,
      { reason: "NO_SECOND_FACTOR" },
    );
  }
  if (request.handle !== "") return stepUpWithKey(context, own, request, call);
  const { proof, at } = await proveAgain(context, account, "session.step_up", call, (now) =>
    spendCode(context, account, request.code, now.getTime()),
  );
  return stepUpSession(context, own, proof, at, call);
}

async function stepUpWithKey(
  context: Context,
  own: Own,
  { handle, credential }: StepUpRequest,
  call: Call,
): Promise<TokenReply> {
  const { account, session } = own;
  await takeAskedIn(context, session, handle, "step_up");
  const judge = async (now: Date): Promise<SecondFactor | undefined> =>
    (await isSignedByKey(context, account, handle, credential, now)) ? "key" : undefined;
  const { proof, at } = await proveAgain(context, account, "session.step_up", call, judge, badKey);
  return stepUpSession(context, own, proof, at, call);
}
