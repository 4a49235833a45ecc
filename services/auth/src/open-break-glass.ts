import { randomBytes } from "node:crypto";
import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Database } from "@agentmesh/postgres";
import { refreshToken } from "./credentials/refresh-token.ts";
import { withSecondFactor } from "./domain/authentication.ts";
import { normaliseUsername } from "./domain/usernames.ts";
import { recordBreakGlass } from "./events/sign-in-attempted.ts";
import { readAccountByUsername } from "./store/accounts.ts";
import { insertSession } from "./store/sessions.ts";

export type BreakGlass = {
  readonly tenant: string;
  readonly username: string;
  /** Why, for the audit. */
  readonly reason: string;
};

/** Everything is over by then, whatever was done with it. */
const LASTS_MS = 30 * 60_000;
const MIN_REASON = 10;
const MAX_REASON = 500;
/** Whoever can read the database and the master key; who they are the audit cannot know. */
const OPERATOR = "system:operator";

/**
 * A session for an account whose identity provider or second factor is out of order, made beside the service by somebody
 * who holds the database and the master key, and could do anything anyway. Answers the session's first refresh token,
 * which counts once. It is in the audit, and an event that alerts can be made of, before anybody has it.
 *
 * @param refreshKey the key under which refresh tokens are made
 * @throws AppError NOT_FOUND (USER_NOT_FOUND), INVALID_ARGUMENT (NO_REASON)
 */
export async function openBreakGlass(
  db: Database,
  refreshKey: Buffer,
  { tenant, username, reason }: BreakGlass,
  at: Date,
): Promise<{ readonly refreshToken: string; readonly expiresAt: Date }> {
  if (reason.trim().length < MIN_REASON || reason.length > MAX_REASON) {
    throw new AppError("INVALID_ARGUMENT", `reason: say why in ${MIN_REASON} to ${MAX_REASON} characters`, {
      reason: "NO_REASON",
    });
  }
  const expiresAt = new Date(at.getTime() + LASTS_MS);
  const session = { id: newId(), secret: randomBytes(32), remote_address: "", created_at: at, expires_at: expiresAt };
  await db.transaction(async (tx) => {
    const account = await readAccountByUsername(tx, tenant, normaliseUsername(username));
    if (!account || account.disabled_at || account.service_account) throw noSuchUser(tenant, username);
    const { subject } = account;
    const amr = withSecondFactor(["break_glass"], "recovery");
    await insertSession(tx, { ...session, tenant, subject, amr, authenticated_at: at });
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: OPERATOR,
        action: "session.break_glass",
        resource: `Account/${account.username}`,
        outcome: "succeeded",
        reason: reason.trim(),
      },
      at,
    );
    await recordBreakGlass(tx, { tenant, username: account.username });
  });
  return { refreshToken: refreshToken(refreshKey, session.id, session.secret, 1), expiresAt };
}

function noSuchUser(tenant: string, username: string): AppError {
  return new AppError(
    "NOT_FOUND",
    `tenant ${tenant} has no user ${JSON.stringify(username.slice(0, 80))} who may sign in; name an admin that is enabled`,
    { reason: "USER_NOT_FOUND" },
  );
}
