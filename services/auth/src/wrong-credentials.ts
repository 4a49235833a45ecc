import { AppError } from "@agentmesh/errors";
import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "./context.ts";
import { lockOutMs } from "./domain/lock-out.ts";
import { closedUntil, countFailure, type Guard, lockGuard } from "./store/sign-in-guards.ts";

/**
 * Counts a wrong password or code, and closes the account for a while when there were too many in a row. Answers until when
 * it was closed by others while this one was judged: then nobody may learn what came of it.
 */
export async function countWrong(
  { config }: Context,
  tx: Transaction,
  guard: Guard,
  at: Date,
): Promise<Date | undefined> {
  const failures = await countFailure(tx, guard, at, config.lockOut.forgetAfterMs);
  if (failures === undefined) return closedUntil(tx, guard, at);
  const closedMs = lockOutMs(failures, config.lockOut);
  if (closedMs > 0) await lockGuard(tx, guard, new Date(at.getTime() + closedMs));
  return undefined;
}

export function lockedError(until: Date, at: Date): AppError {
  const retryAfterMs = until.getTime() - at.getTime();
  return new AppError(
    "RESOURCE_EXHAUSTED",
    `too many wrong passwords or codes for this user name; try again in ${Math.ceil(retryAfterMs / 1000)} s`,
    { reason: "SIGN_IN_LOCKED", retryAfterMs },
  );
}

export function badCode(): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    "the code is wrong or was used before; wait for the app's next one, or take a recovery code",
    { reason: "BAD_CODE", field: "code" },
  );
}

export function badCredentials(): AppError {
  return new AppError("UNAUTHENTICATED", "the tenant, user name or password is wrong; check them and try again", {
    reason: "BAD_CREDENTIALS",
  });
}

export function codeNeeded(): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    "this user signs in with a second factor; send the same again with the code of the authenticator app in code, or sign in with a security key (StartSecurityKey)",
    { reason: "SECOND_FACTOR_REQUIRED", field: "code" },
  );
}
