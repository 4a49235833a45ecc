import type { Transaction } from "@agentmesh/postgres";
import type { SignInRequest } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "./context.ts";
import type { SecondFactor } from "./domain/authentication.ts";
import { isPasswordSized, normaliseUsername } from "./domain/usernames.ts";
import { recordSignIn, type SignInOutcome } from "./events/sign-in-attempted.ts";
import { type Judge, passwordJudge } from "./password-judge.ts";
import { remoteAddressOf } from "./remote-address.ts";
import { spendCode, spendRecoveryCodeOf } from "./second-factor.ts";
import type { Account } from "./store/accounts.ts";
import { closedUntil, type Guard, readGuard } from "./store/sign-in-guards.ts";
import { tenantExists } from "./store/tenants.ts";
import { badCode, badCredentials, codeNeeded, countWrong, lockedError } from "./wrong-credentials.ts";

export type Attempt = {
  readonly tenant: string;
  readonly username: string;
  readonly address: string;
  readonly at: Date;
};

export type Judged = {
  readonly outcome: SignInOutcome;
  readonly account: Account | undefined;
  readonly source: string;
  readonly lockedUntil?: Date;
  readonly factor?: SecondFactor | undefined;
  /** What kept the judge from judging. */
  readonly failure?: unknown;
};

const MAX_NAME = 64;
const MAX_CODE = 64;

/** Outcomes of wrong credentials. Others do not count: attempts on a locked account would keep it locked for nothing. */
const wrong: ReadonlySet<SignInOutcome> = new Set(["wrong_password", "unknown_user", "wrong_code"]);

/**
 * Judges a password, and a code for those who have a second factor; what does not succeed is counted and audited. Until the
 * password is right every reason but a lock has one answer, and names that do not exist cost a hash and lock too, so that
 * nobody learns from outside which accounts there are.
 *
 * @throws AppError UNAUTHENTICATED (BAD_CREDENTIALS) for what no account can have
 */
export async function attemptSignIn(
  context: Context,
  request: SignInRequest,
  call: Call,
): Promise<{ readonly attempt: Attempt; readonly judged: Judged }> {
  const { tenant, password, code } = request;
  const username = normaliseUsername(request.username);
  const tooLong = tenant.length > MAX_NAME || username.length > MAX_NAME || code.length > MAX_CODE;
  // PostgreSQL takes no NUL in a text, and neither does any name.
  const hasNul = tenant.includes("\0") || username.includes("\0");
  if (tooLong || hasNul || !isPasswordSized(password)) throw badCredentials();
  const { judgeIn, wrong: nobody } = await passwordJudge(context, request, call);
  return judgeIn(async (judgePassword) => {
    // Now, and not when the call came: it may have waited for its place.
    const attempt = { tenant, username, address: remoteAddressOf(call), at: new Date() };
    const judged = await judge(context, attempt, request, { judgePassword, nobody });
    if (judged.outcome === "succeeded") return { attempt, judged };
    return { attempt, judged: await recordAttempt(context, attempt, judged, call.requestId) };
  });
}

/** What the caller is told of an attempt that did not succeed. */
export function refusalOf({ outcome, lockedUntil, failure }: Judged, at: Date): unknown {
  if (failure !== undefined) return failure;
  if (lockedUntil) return lockedError(lockedUntil, at);
  if (outcome === "wrong_code") return badCode();
  return outcome === "second_factor_required" ? codeNeeded() : badCredentials();
}

async function judge(
  context: Context,
  attempt: Attempt,
  { password, code }: SignInRequest,
  { judgePassword, nobody }: { judgePassword: Judge; nobody: SignInOutcome },
): Promise<Judged> {
  const { source, lockedUntil } = await readGuard(context.db, attempt);
  const isLocked = lockedUntil !== undefined && lockedUntil.getTime() > Date.now();
  // Nobody guesses a recovery code: who brings one is the owner, whom the guesses of others must not keep out.
  const recovered = isLocked && (await spendRecoveryCodeOf(context, attempt, code));
  if (isLocked && !recovered) return { outcome: "locked", account: undefined, source, lockedUntil };
  const { account, right, failure } = await judgePassword(attempt, password);
  if (failure !== undefined) return { outcome: "provider_refused", account, source, failure };
  if (!right) return { outcome: account ? "wrong_password" : nobody, account, source };
  if (!account || account.disabled_at) return { outcome: "disabled", account, source };
  if (recovered) return { outcome: "succeeded", account, source, factor: "recovery" };
  if (!account.second_factor_at) return { outcome: "succeeded", account, source };
  if (code === "") return { outcome: "second_factor_required", account, source };
  const factor = await spendCode(context, account, code, attempt.at.getTime());
  return { outcome: factor ? "succeeded" : "wrong_code", account, source, factor };
}

/**
 * Counts what was wrong and writes down what came of it. Of a burst of guesses no more are judged than may be: what was
 * overtaken by the lock says so and nothing else.
 */
export async function recordAttempt(
  context: Context,
  attempt: Attempt,
  judged: Judged,
  requestId: string,
): Promise<Judged> {
  const { tenant, username, address, at } = attempt;
  const { account, source } = judged;
  const settled = await context.db.transaction(async (tx) => {
    const lockedUntil = await settle(context, tx, { tenant, username, source }, judged.outcome, at);
    const outcome = lockedUntil ? "locked" : judged.outcome;
    // A tenant that does not exist has no audit to write to.
    if (await tenantExists(tx, tenant)) {
      await recordSignIn(tx, { tenant, subject: account?.subject ?? "", username, address, outcome, requestId }, at);
    }
    return { ...judged, outcome, ...(lockedUntil && { lockedUntil }) };
  });
  context.metrics.signIn(settled.outcome);
  return settled;
}

/** Until when others have closed the account, where it matters: what is said of a right password is a judgement too. */
async function settle(
  context: Context,
  tx: Transaction,
  guard: Guard,
  outcome: SignInOutcome,
  at: Date,
): Promise<Date | undefined> {
  if (wrong.has(outcome)) return countWrong(context, tx, guard, at);
  return outcome === "second_factor_required" ? closedUntil(tx, guard, at) : undefined;
}
