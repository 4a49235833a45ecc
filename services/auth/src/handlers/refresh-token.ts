import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { Transaction } from "@agentmesh/postgres";
import type { RefreshTokenRequest, TokenReply } from "@agentmesh/proto/auth";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { isGenuine, type RefreshToken, readRefreshToken } from "../credentials/refresh-token.ts";
import { judgeRefresh, type RefreshVerdict } from "../domain/judge-refresh.ts";
import { remoteAddressOf } from "../remote-address.ts";
import { sessionTokens } from "../session-tokens.ts";
import { readAccount } from "../store/accounts.ts";
import { advanceSession, endSession, readSession, type Session } from "../store/sessions.ts";

/** Trades a refresh token for the next pair; one that was traded before ends the whole family. */
export async function tradeRefreshToken(
  context: Context,
  request: RefreshTokenRequest,
  call: Call,
): Promise<TokenReply> {
  const token = readRefreshToken(request.refreshToken);
  const found = token && (await readSession(context.db, token.sessionId));
  if (!token || !found || !isGenuine(context.refreshKey, found.secret, token)) throw badToken();
  const at = new Date();
  const { verdict, session } = await context.db.transaction((tx) => settle(context, tx, token, found, at, call));
  context.metrics.refresh(verdict);
  if (verdict === "reused") await context.revocations.publish();
  if (verdict === "reused" || verdict === "ended") throw ended(verdict);
  const account = await readAccount(context.db, session.tenant, session.subject);
  if (!account || account.disabled_at) throw ended("ended");
  // Whichever of many askers advanced the family, all of them get the generation after the one they brought.
  const generation = token.generation + 1;
  const conditions = { nowMs: at.getTime(), address: remoteAddressOf(call) };
  return sessionTokens(context, account, { ...session, generation }, conditions);
}

async function settle(
  context: Context,
  tx: Transaction,
  token: RefreshToken,
  found: Session,
  at: Date,
  call: Call,
): Promise<{ verdict: RefreshVerdict; session: Session }> {
  let session = found;
  let verdict = verdictOn(context, session, token, at);
  if (verdict === "rotate") {
    const advanced = await advanceSession(tx, token.sessionId, token.generation, at);
    if (advanced) return { verdict, session: advanced };
    // Somebody else advanced or ended it in between.
    session = (await readSession(tx, token.sessionId)) ?? { ...found, ended_at: at };
    verdict = verdictOn(context, session, token, at);
  }
  if (verdict === "reused") await endFamily(context, tx, session, at, call.requestId);
  return { verdict, session };
}

function verdictOn({ config }: Context, session: Session, token: RefreshToken, at: Date): RefreshVerdict {
  const family = {
    generation: session.generation,
    refreshedAtMs: session.refreshed_at.getTime(),
    expiresAtMs: session.expires_at.getTime(),
    ended: session.ended_at !== null,
  };
  return judgeRefresh(family, token.generation, at.getTime(), {
    idleMs: config.tokens.refreshTtlS * 1000,
    graceMs: config.tokens.refreshGraceMs,
  });
}

async function endFamily(
  context: Context,
  tx: Transaction,
  { tenant, id, subject }: Session,
  at: Date,
  requestId: string,
): Promise<void> {
  const ids = await endSession(tx, tenant, id, at, "token_reused");
  await context.revocations.revokeSessions(tx, tenant, ids, at.getTime());
  await recordAudit(
    tx,
    {
      tenant,
      service: "auth",
      subject,
      action: "session.refresh",
      resource: `Session/${id}`,
      outcome: "denied",
      reason: "token_reused",
      requestId,
    },
    at,
  );
}

function badToken(): AppError {
  return new AppError("UNAUTHENTICATED", "the refresh token is not valid; sign in again", {
    reason: "BAD_REFRESH_TOKEN",
  });
}

function ended(verdict: "reused" | "ended"): AppError {
  return verdict === "reused"
    ? new AppError(
        "UNAUTHENTICATED",
        "the refresh token was used before, so its session was ended for safety; sign in again",
        { reason: "REFRESH_TOKEN_REUSED" },
      )
    : new AppError("UNAUTHENTICATED", "the session has ended; sign in again", { reason: "SESSION_ENDED" });
}
