import { randomBytes } from "node:crypto";
import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { TokenReply } from "@agentmesh/proto/auth";
import type { Context } from "./context.ts";
import { recordSignIn } from "./events/sign-in-attempted.ts";
import { sessionTokens } from "./session-tokens.ts";
import { type Account, noteSignIn } from "./store/accounts.ts";
import { endSessionsOf, insertSession } from "./store/sessions.ts";

/** Somebody who has proven to be the owner of an account. */
export type Arrival = {
  readonly account: Account;
  readonly address: string;
  readonly at: Date;
  /** By what: RFC 8176. */
  readonly amr: readonly string[];
  /** When they proved it. Default now. */
  readonly authenticatedAt?: Date;
  readonly requestId: string;
};

/**
 * Opens a session with an id of its own, ends the surplus ones, and answers its first tokens.
 *
 * @param also done in the same transaction
 */
export async function openSession(
  context: Context,
  arrival: Arrival,
  also?: (tx: Transaction) => Promise<void>,
): Promise<TokenReply> {
  const { account, address, at, amr, authenticatedAt = at, requestId } = arrival;
  const { tenant, subject, username } = account;
  const session = {
    id: newId(),
    tenant,
    subject,
    secret: randomBytes(32),
    remote_address: address,
    amr,
    authenticated_at: authenticatedAt,
    created_at: at,
    expires_at: new Date(at.getTime() + context.config.tokens.sessionTtlS * 1000),
  };
  const ended = await context.db.transaction(async (tx) => {
    await noteSignIn(tx, tenant, subject, at);
    await insertSession(tx, session);
    const surplus = await endSurplus(context, tx, account, at);
    await also?.(tx);
    await recordSignIn(tx, { tenant, subject, username, address, outcome: "succeeded", requestId }, at);
    return surplus;
  });
  if (ended > 0) await context.revocations.publish();
  context.metrics.signIn("succeeded");
  return sessionTokens(context, account, { ...session, generation: 1 }, { nowMs: at.getTime(), address });
}

/** Answers how many sessions had to end. */
async function endSurplus(
  { roles, revocations }: Context,
  tx: Transaction,
  { tenant, subject, roles: held }: Account,
  at: Date,
): Promise<number> {
  const keep = roles.maxSessionsOf(tenant, held);
  if (keep === undefined) return 0;
  const ended = await endSessionsOf(tx, { tenant, subject, keep }, at, "too_many_sessions");
  await revocations.revokeSessions(tx, tenant, ended, at.getTime());
  return ended.length;
}
