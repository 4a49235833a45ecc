import { AppError } from "@agentmesh/errors";
import type { Context } from "./context.ts";
import { secondFactorAtMs } from "./domain/authentication.ts";
import type { Own } from "./own-session.ts";

/**
 * A token somebody found must not set up a second factor, nor replace one: the owner has just proven to be there.
 *
 * @throws AppError PERMISSION_DENIED (STEP_UP_REQUIRED, SIGN_IN_AGAIN)
 */
export function assertRecent({ config }: Context, { account, session }: Own, at: Date): void {
  const authentication = { amr: session.amr, atMs: session.authenticated_at.getTime() };
  const provenAtMs = account.second_factor_at ? secondFactorAtMs(authentication) : authentication.atMs;
  if (provenAtMs !== undefined && at.getTime() - provenAtMs <= config.secondFactor.recentS * 1000) return;
  throw account.second_factor_at
    ? new AppError("PERMISSION_DENIED", "give the second factor there is first, with StepUp", {
        reason: "STEP_UP_REQUIRED",
      })
    : new AppError(
        "PERMISSION_DENIED",
        `a second factor is set up within ${config.secondFactor.recentS} s of signing in; sign in again first`,
        { reason: "SIGN_IN_AGAIN" },
      );
}
