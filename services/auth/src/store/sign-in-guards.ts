import type { Queryable } from "@agentmesh/postgres";

/** Whose wrong passwords count together. */
export type Guard = { readonly tenant: string; readonly username: string; readonly source: string };

// An address from which the account signed in within this time keeps a count of its own.
const KNOWN_FOR_DAYS = 30;

/** The guard an attempt falls under and until when it is locked. Takes the same steps whether the account exists. */
export async function readGuard(
  db: Queryable,
  attempt: { tenant: string; username: string; address: string },
): Promise<{ source: string; lockedUntil: Date | undefined }> {
  const { rows } = await db.query<{ source: string; locked_until: Date | null }>(
    `WITH origin AS (
       SELECT CASE WHEN $3 <> '' AND EXISTS (
         SELECT FROM account a JOIN session s ON s.tenant = a.tenant AND s.subject = a.subject
         WHERE a.tenant = $1 AND a.username = $2 AND s.remote_address = $3
           AND s.created_at > now() - make_interval(days => $4)
       ) THEN $3 ELSE '' END AS source)
     SELECT origin.source, g.locked_until FROM origin
     LEFT JOIN sign_in_guard g ON g.tenant = $1 AND g.username = $2 AND g.source = origin.source`,
    [attempt.tenant, attempt.username, attempt.address, KNOWN_FOR_DAYS],
  );
  const [row] = rows;
  return { source: row?.source ?? "", lockedUntil: row?.locked_until ?? undefined };
}

/**
 * Counts one wrong password and answers how many there are in a row; the row stays locked until the commit. Undefined: the
 * account was closed while this one was judged, so it counts for nothing.
 */
export async function countFailure(
  tx: Queryable,
  guard: Guard,
  at: Date,
  forgetAfterMs: number,
): Promise<number | undefined> {
  const { rows } = await tx.query<{ failures: number }>(
    `INSERT INTO sign_in_guard AS g (tenant, username, source, failures, last_failure_at, locked_until)
     VALUES ($1, $2, $3, 1, $4, $4)
     ON CONFLICT (tenant, username, source) DO UPDATE SET last_failure_at = $4, failures =
       CASE WHEN g.last_failure_at < $5 THEN 1 ELSE least(g.failures + 1, 1000) END
     WHERE g.locked_until <= $4
     RETURNING failures`,
    [guard.tenant, guard.username, guard.source, at, new Date(at.getTime() - forgetAfterMs)],
  );
  return rows[0]?.failures;
}

export async function lockGuard(tx: Queryable, guard: Guard, until: Date): Promise<void> {
  await tx.query(
    `UPDATE sign_in_guard SET locked_until = greatest(locked_until, $4)
     WHERE tenant = $1 AND username = $2 AND source = $3`,
    [guard.tenant, guard.username, guard.source, until],
  );
}

/** Until when the account is closed at a time, or undefined: it is open. The row stays locked until the commit. */
export async function closedUntil(tx: Queryable, guard: Guard, at: Date): Promise<Date | undefined> {
  const { rows } = await tx.query<{ locked_until: Date }>(
    `SELECT locked_until FROM sign_in_guard
     WHERE tenant = $1 AND username = $2 AND source = $3 AND locked_until > $4 FOR UPDATE`,
    [guard.tenant, guard.username, guard.source, at],
  );
  return rows[0]?.locked_until;
}

export async function clearGuard(tx: Queryable, guard: Guard): Promise<void> {
  await tx.query("DELETE FROM sign_in_guard WHERE tenant = $1 AND username = $2 AND source = $3", [
    guard.tenant,
    guard.username,
    guard.source,
  ]);
}

/** Opens an account for every address. */
export async function clearGuardsOf(tx: Queryable, tenant: string, username: string): Promise<void> {
  await tx.query("DELETE FROM sign_in_guard WHERE tenant = $1 AND username = $2", [tenant, username]);
}

/** Forgets guards that are quiet and open. */
export async function deleteGuardsBefore(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM sign_in_guard WHERE (tenant, username, source) IN (
       SELECT tenant, username, source FROM sign_in_guard WHERE last_failure_at < $1 AND locked_until < now() LIMIT $2)`,
    [before, limit],
  );
  return rowCount;
}
