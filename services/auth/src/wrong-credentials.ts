import { AppError } from "@agentmesh/errors";
import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "./context.ts";
import { lockOutMs } from "./domain/lock-out.ts";
import { countFailure, type Guard, lockGuard } from "./store/sign-in-guards.ts";

/** Counts a wrong password or code, and closes the account for a while when there were too many in a row. */
export async function countWrong({ config }: Context, tx: Transaction, guard: Guard, at: Date): Promise<void> {
  const failures = await countFailure(tx, guard, at, config.lockOut.forgetAfterMs);
  const closedMs = lockOutMs(failures, config.lockOut);
  if (closedMs > 0) await lockGuard(tx, guard, new Date(at.getTime() + closedMs));
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
    "this user signs in with a second factor; send the same again with the code of the authenticator app in code",
    { reason: "SECOND_FACTOR_REQUIRED", field: "code" },
  );
}
