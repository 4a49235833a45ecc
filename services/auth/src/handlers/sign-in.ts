import { randomBytes } from "node:crypto";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { SignInRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { lockOutMs } from "../domain/lock-out.ts";
import { isPasswordSized, normaliseUsername } from "../domain/usernames.ts";
import { recordSignIn, type SignInOutcome } from "../events/sign-in-attempted.ts";
import { remoteAddressOf } from "../remote-address.ts";
import { sessionTokens } from "../session-tokens.ts";
import { type Account, noteSignIn, readAccountByUsername } from "../store/accounts.ts";
import { endSessionsOf, insertSession, type NewSession } from "../store/sessions.ts";
import { clearGuard, countFailure, lockGuard, readGuard } from "../store/sign-in-guards.ts";
import { tenantExists } from "../store/tenants.ts";

type Attempt = { readonly tenant: string; readonly username: string; readonly address: string; readonly at: Date };

type Judged = {
  readonly outcome: SignInOutcome;
  readonly account: Account | undefined;
  readonly source: string;
  readonly lockedUntil: Date | undefined;
};

const MAX_NAME = 64;

/**
 * Signs in with a password. Every reason but a lock has one answer, and names that do not exist cost a hash and lock
 * too, so that nobody learns from outside which accounts there are.
 */
export async function signIn(context: Context, request: SignInRequest, call: Call): Promise<TokenReply> {
  const { tenant, password } = request;
  const username = normaliseUsername(request.username);
  if (tenant.length > MAX_NAME || username.length > MAX_NAME || !isPasswordSized(password)) throw badCredentials();
  const { attempt, judged } = await context.passwords.compareIn(async (matches) => {
    // Now, and not when the call came: it may have waited for its place.
    const begun = { tenant, username, address: remoteAddressOf(call), at: new Date() };
    const judgement = await judge(context, begun, (hash) => matches(password, hash));
    // Counted before the place is given away, so that a burst of guesses outruns the lock by no more than the places.
    if (judgement.outcome !== "succeeded") await refuse(context, begun, judgement, call.requestId);
    return { attempt: begun, judged: judgement };
  });
  context.metrics.signIn(judged.outcome);
  const { account, source, outcome, lockedUntil } = judged;
  if (outcome !== "succeeded" || !account) throw lockedUntil ? locked(lockedUntil, attempt.at) : badCredentials();
  const session = newSession(context, account, attempt);
  const ended = await context.db.transaction((tx) =>
    open(context, tx, attempt, { account, source, session, requestId: call.requestId }),
  );
  if (ended > 0) await context.revocations.publish();
  const conditions = { nowMs: attempt.at.getTime(), address: attempt.address };
  return sessionTokens(context, account, { ...session, generation: 1 }, conditions);
}

async function judge(
  { db }: Context,
  attempt: Attempt,
  matches: (hash: string | undefined) => Promise<boolean>,
): Promise<Judged> {
  const { source, lockedUntil } = await readGuard(db, attempt);
  const account = await readAccountByUsername(db, attempt.tenant, attempt.username);
  if (lockedUntil && lockedUntil.getTime() > Date.now()) return { outcome: "locked", account, source, lockedUntil };
  const right = await matches(account?.password_hash ?? undefined);
  return { outcome: outcomeOf(account, right), account, source, lockedUntil: undefined };
}

function outcomeOf(account: Account | undefined, right: boolean): SignInOutcome {
  if (!account) return "unknown_user";
  if (!right) return "wrong_password";
  return account.disabled_at ? "disabled" : "succeeded";
}

async function refuse(context: Context, attempt: Attempt, judged: Judged, requestId: string): Promise<void> {
  const { tenant, username, address, at } = attempt;
  const { outcome, account, source } = judged;
  const { lockOut } = context.config;
  await context.db.transaction(async (tx) => {
    // Only wrong credentials count: attempts on a locked account would let anyone keep it locked for nothing.
    if (outcome === "wrong_password" || outcome === "unknown_user") {
      const guard = { tenant, username, source };
      const failures = await countFailure(tx, guard, at, lockOut.forgetAfterMs);
      const closedMs = lockOutMs(failures, lockOut);
      if (closedMs > 0) await lockGuard(tx, guard, new Date(at.getTime() + closedMs));
    }
    // A tenant that does not exist has no audit to write to.
    if (!(await tenantExists(tx, tenant))) return;
    await recordSignIn(tx, { tenant, subject: account?.subject ?? "", username, address, outcome, requestId }, at);
  });
}

type Opening = {
  readonly account: Account;
  readonly source: string;
  readonly session: NewSession;
  readonly requestId: string;
};

/** Answers how many sessions had to end for it. */
async function open(context: Context, tx: Transaction, attempt: Attempt, opening: Opening): Promise<number> {
  const { tenant, username, address, at } = attempt;
  const { account, source, session, requestId } = opening;
  const { subject, roles } = account;
  await noteSignIn(tx, tenant, subject, at);
  await insertSession(tx, session);
  const ended = await endSurplus(context, tx, { tenant, subject, roles, at });
  await clearGuard(tx, { tenant, username, source });
  await recordSignIn(tx, { tenant, subject, username, address, outcome: "succeeded", requestId }, at);
  return ended;
}

async function endSurplus(
  { roles, revocations }: Context,
  tx: Transaction,
  holder: { tenant: string; subject: string; roles: readonly string[]; at: Date },
): Promise<number> {
  const { tenant, subject, at } = holder;
  const keep = roles.maxSessionsOf(tenant, holder.roles);
  if (keep === undefined) return 0;
  const ended = await endSessionsOf(tx, { tenant, subject, keep }, at, "too_many_sessions");
  await revocations.revokeSessions(tx, tenant, ended, at.getTime());
  return ended.length;
}

function newSession({ config }: Context, account: Account, { address, at }: Attempt): NewSession {
  return {
    id: newId(),
    tenant: account.tenant,
    subject: account.subject,
    secret: randomBytes(32),
    remote_address: address,
    created_at: at,
    expires_at: new Date(at.getTime() + config.tokens.sessionTtlS * 1000),
  };
}

function badCredentials(): AppError {
  return new AppError("UNAUTHENTICATED", "the tenant, user name or password is wrong; check them and try again", {
    reason: "BAD_CREDENTIALS",
  });
}

function locked(until: Date, at: Date): AppError {
  const retryAfterMs = until.getTime() - at.getTime();
  return new AppError(
    "RESOURCE_EXHAUSTED",
    `too many wrong passwords for this user name; try again in ${Math.ceil(retryAfterMs / 1000)} s`,
    { reason: "SIGN_IN_LOCKED", retryAfterMs },
  );
}
