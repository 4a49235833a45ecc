import type { SignInRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { type SecondFactor, withSecondFactor } from "../domain/authentication.ts";
import { isPasswordSized, normaliseUsername } from "../domain/usernames.ts";
import { recordSignIn, type SignInOutcome } from "../events/sign-in-attempted.ts";
import { openSession } from "../open-session.ts";
import { type Judge, passwordJudge } from "../password-judge.ts";
import { remoteAddressOf } from "../remote-address.ts";
import { spendCode } from "../second-factor.ts";
import type { Account } from "../store/accounts.ts";
import { clearGuard, readGuard } from "../store/sign-in-guards.ts";
import { tenantExists } from "../store/tenants.ts";
import { badCode, badCredentials, codeNeeded, countWrong, lockedError } from "../wrong-credentials.ts";

type Attempt = { readonly tenant: string; readonly username: string; readonly address: string; readonly at: Date };

type Judged = {
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
 * Signs in with a password, and a code for those who have a second factor. Until the password is right every reason but
 * a lock has one answer, and names that do not exist cost a hash and lock too, so that nobody learns from outside which
 * accounts there are.
 */
export async function signIn(context: Context, request: SignInRequest, call: Call): Promise<TokenReply> {
  const { tenant, password, code } = request;
  const username = normaliseUsername(request.username);
  const tooLong = tenant.length > MAX_NAME || username.length > MAX_NAME || code.length > MAX_CODE;
  // PostgreSQL takes no NUL in a text, and neither does any name.
  const hasNul = tenant.includes("\0") || username.includes("\0");
  if (tooLong || hasNul || !isPasswordSized(password)) throw badCredentials();
  const { judgeIn, wrong: nobody } = await passwordJudge(context, request, call);
  const { attempt, judged } = await judgeIn(async (judgePassword) => {
    // Now, and not when the call came: it may have waited for its place.
    const begun = { tenant, username, address: remoteAddressOf(call), at: new Date() };
    const judgement = await judge(context, begun, request, { judgePassword, nobody });
    // Counted before the place is given away, so that a burst of guesses outruns the lock by no more than the places.
    if (judgement.outcome !== "succeeded") await refuse(context, begun, judgement, call.requestId);
    return { attempt: begun, judged: judgement };
  });
  const { account, source, outcome, factor } = judged;
  if (outcome !== "succeeded" || !account) throw refusalOf(judged, attempt.at);
  const { address, at } = attempt;
  const amr = factor ? withSecondFactor(["pwd"], factor) : ["pwd"];
  return openSession(context, { account, address, at, amr, requestId: call.requestId }, (tx) =>
    clearGuard(tx, { tenant, username, source }),
  );
}

async function judge(
  context: Context,
  attempt: Attempt,
  { password, code }: SignInRequest,
  { judgePassword, nobody }: { judgePassword: Judge; nobody: SignInOutcome },
): Promise<Judged> {
  const { source, lockedUntil } = await readGuard(context.db, attempt);
  if (lockedUntil && lockedUntil.getTime() > Date.now()) {
    return { outcome: "locked", account: undefined, source, lockedUntil };
  }
  const { account, right, failure } = await judgePassword(attempt, password);
  if (failure !== undefined) return { outcome: "provider_refused", account, source, failure };
  if (!right) return { outcome: account ? "wrong_password" : nobody, account, source };
  if (!account || account.disabled_at) return { outcome: "disabled", account, source };
  if (!account.second_factor_at) return { outcome: "succeeded", account, source };
  if (code === "") return { outcome: "second_factor_required", account, source };
  const factor = await spendCode(context, account, code, attempt.at.getTime());
  return { outcome: factor ? "succeeded" : "wrong_code", account, source, factor };
}

async function refuse(context: Context, attempt: Attempt, judged: Judged, requestId: string): Promise<void> {
  const { tenant, username, address, at } = attempt;
  const { outcome, account, source } = judged;
  context.metrics.signIn(outcome);
  await context.db.transaction(async (tx) => {
    if (wrong.has(outcome)) await countWrong(context, tx, { tenant, username, source }, at);
    // A tenant that does not exist has no audit to write to.
    if (!(await tenantExists(tx, tenant))) return;
    await recordSignIn(tx, { tenant, subject: account?.subject ?? "", username, address, outcome, requestId }, at);
  });
}

function refusalOf({ outcome, lockedUntil, failure }: Judged, at: Date): unknown {
  if (failure !== undefined) return failure;
  if (lockedUntil) return lockedError(lockedUntil, at);
  if (outcome === "wrong_code") return badCode();
  return outcome === "second_factor_required" ? codeNeeded() : badCredentials();
}
