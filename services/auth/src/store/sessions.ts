import type { Queryable } from "@agentmesh/postgres";

export type Session = {
  readonly id: string;
  readonly tenant: string;
  readonly subject: string;
  readonly secret: Buffer;
  readonly generation: number;
  readonly remote_address: string;
  /** How its owner proved who they are (RFC 8176), and when last. */
  readonly amr: readonly string[];
  readonly authenticated_at: Date;
  readonly created_at: Date;
  readonly refreshed_at: Date;
  readonly expires_at: Date;
  readonly ended_at: Date | null;
};

export type NewSession = Pick<
  Session,
  "id" | "tenant" | "subject" | "secret" | "remote_address" | "amr" | "authenticated_at" | "created_at"
> & {
  readonly expires_at: Date;
};

export async function insertSession(db: Queryable, session: NewSession): Promise<void> {
  await db.query(
    `INSERT INTO session (id, tenant, subject, secret, remote_address, amr, authenticated_at, created_at, refreshed_at,
       expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)`,
    [
      session.id,
      session.tenant,
      session.subject,
      session.secret,
      session.remote_address,
      session.amr,
      session.authenticated_at,
      session.created_at,
      session.expires_at,
    ],
  );
}

export async function readSession(db: Queryable, id: string): Promise<Session | undefined> {
  const { rows } = await db.query<Session>("SELECT * FROM session WHERE id = $1", [id]);
  return rows[0];
}

/** The compare-and-set of a refresh: of any number that present a generation, one advances it. */
export async function advanceSession(
  db: Queryable,
  id: string,
  generation: number,
  at: Date,
): Promise<Session | undefined> {
  const { rows } = await db.query<Session>(
    `UPDATE session SET generation = generation + 1, refreshed_at = $3
     WHERE id = $1 AND generation = $2 AND ended_at IS NULL AND expires_at > $3 RETURNING *`,
    [id, generation, at],
  );
  return rows[0];
}

/** A further proof given in a session that lasts; undefined: it has ended. */
export async function noteProof(
  db: Queryable,
  owner: { tenant: string; subject: string; id: string },
  amr: readonly string[],
  at: Date,
): Promise<Session | undefined> {
  const { rows } = await db.query<Session>(
    `UPDATE session SET amr = $4, authenticated_at = $5
     WHERE tenant = $1 AND subject = $2 AND id = $3 AND ended_at IS NULL AND expires_at > $5 RETURNING *`,
    [owner.tenant, owner.subject, owner.id, amr, at],
  );
  return rows[0];
}

export type EndReason =
  | "signed_out"
  | "token_reused"
  | "account_disabled"
  | "second_factor_reset"
  | "too_many_sessions";

/** The ids that were ended by this and not before. */
export async function endSession(
  db: Queryable,
  tenant: string,
  id: string,
  at: Date,
  reason: EndReason,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `UPDATE session SET ended_at = $3, end_reason = $4 WHERE tenant = $1 AND id = $2 AND ended_at IS NULL RETURNING id`,
    [tenant, id, at, reason],
  );
  return rows.map((row) => row.id);
}

/** Ends the sessions of a subject but its `keep` youngest. */
export async function endSessionsOf(
  db: Queryable,
  owner: { tenant: string; subject: string; keep: number },
  at: Date,
  reason: EndReason,
): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `UPDATE session SET ended_at = $4, end_reason = $5 WHERE id IN (
       SELECT id FROM session WHERE tenant = $1 AND subject = $2 AND ended_at IS NULL AND expires_at > $4
       ORDER BY created_at DESC, id DESC OFFSET $3)
     AND ended_at IS NULL RETURNING id`,
    [owner.tenant, owner.subject, owner.keep, at, reason],
  );
  return rows.map((row) => row.id);
}

export async function deleteSessionsBefore(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE expires_at < $1 LIMIT $2)",
    [before, limit],
  );
  return rowCount;
}
