import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { TokenReply } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "./context.ts";
import { type SecondFactor, withSecondFactor } from "./domain/authentication.ts";
import { remoteAddressOf } from "./remote-address.ts";
import { sessionTokens } from "./session-tokens.ts";
import { type Account, readAccount } from "./store/accounts.ts";
import { noteProof, readSession, type Session } from "./store/sessions.ts";

export type Own = { readonly account: Account; readonly session: Session };

/**
 * The account and session of a caller who is there in person: agents that act for somebody, and API keys, are not.
 *
 * @throws AppError PERMISSION_DENIED (NOT_IN_PERSON), UNAUTHENTICATED (SESSION_ENDED)
 */
export async function ownSession({ db }: Context, call: Call): Promise<Own> {
  const { tenant, subject, sessionId, actors } = requirePrincipal(call);
  if (actors.length > 0 || !isId(sessionId)) {
    throw new AppError("PERMISSION_DENIED", "only a person who has signed in may do this, no API key and no agent", {
      reason: "NOT_IN_PERSON",
    });
  }
  const session = await readSession(db, sessionId);
  const account = await readAccount(db, tenant, subject);
  if (session && !session.ended_at && account && !account.disabled_at) return { account, session };
  throw sessionEnded();
}

/** Notes that a second factor was given in a session, and answers tokens that say so. */
export async function stepUpSession(
  context: Context,
  { account, session }: Own,
  factor: SecondFactor,
  at: Date,
  call: Call,
): Promise<TokenReply> {
  const stepped = await noteProof(context.db, session, withSecondFactor(session.amr, factor), at);
  if (!stepped) throw sessionEnded();
  return sessionTokens(context, account, stepped, { nowMs: at.getTime(), address: remoteAddressOf(call) });
}

function sessionEnded(): AppError {
  return new AppError("UNAUTHENTICATED", "the session has ended; sign in again", { reason: "SESSION_ENDED" });
}
