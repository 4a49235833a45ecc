import { AppError } from "@agentmesh/errors";
import type { StepUpRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { ownSession, stepUpSession } from "../own-session.ts";
import { proveAgain } from "../prove-again.ts";
import { spendCode } from "../second-factor.ts";

/** A code of the second factor in a session that lasts: its next tokens say so, and carry what needs one. */
export async function stepUp(context: Context, request: StepUpRequest, call: Call): Promise<TokenReply> {
  const own = await ownSession(context, call);
  if (!own.account.second_factor_at) {
    throw new AppError(
      "FAILED_PRECONDITION",
      `${own.account.username} has no second factor; set one up first with EnrolTotp (POST /v1/auth/totp)`,
      { reason: "NO_SECOND_FACTOR" },
    );
  }
  const { proof, at } = await proveAgain(context, own.account, "session.step_up", call, (now) =>
    spendCode(context, own.account, request.code, now.getTime()),
  );
  return stepUpSession(context, own, proof, at, call);
}
