import type { Queryable } from "@agentmesh/postgres";

export type ChallengePurpose = "enrol" | "sign_in" | "step_up";

export type PendingChallenge = {
  readonly state: string;
  readonly tenant: string;
  readonly subject: string;
  readonly purpose: ChallengePurpose;
  /** The session it was begun in; null: none yet. */
  readonly session_id: string | null;
  readonly expires_at: Date;
};

// More would be somebody who begins and never finishes.
const MAX_OPEN = 10;

/** The oldest of too many open ones gives way. */
export async function insertChallenge(tx: Queryable, pending: PendingChallenge): Promise<void> {
  const { state, tenant, subject, purpose, session_id, expires_at } = pending;
  await tx.query(
    `INSERT INTO security_key_challenge (state, tenant, subject, purpose, session_id, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [state, tenant, subject, purpose, session_id, expires_at],
  );
  await tx.query(
    `DELETE FROM security_key_challenge WHERE state IN (
       SELECT state FROM security_key_challenge WHERE tenant = $1 AND subject = $2 AND purpose = $3
       ORDER BY expires_at DESC, state OFFSET $4)`,
    [tenant, subject, purpose, MAX_OPEN],
  );
}

/** It is gone by this, whatever it was for: of any number that come back with it, one goes on. */
export async function takeChallenge(db: Queryable, state: string): Promise<PendingChallenge | undefined> {
  const { rows } = await db.query<PendingChallenge>("DELETE FROM security_key_challenge WHERE state = $1 RETURNING *", [
    state,
  ]);
  return rows[0];
}

export async function deleteChallengesBefore(db: Queryable, before: Date, limit: number): Promise<void> {
  await db.query(
    `DELETE FROM security_key_challenge WHERE state IN (
       SELECT state FROM security_key_challenge WHERE expires_at < $1 LIMIT $2)`,
    [before, limit],
  );
}
