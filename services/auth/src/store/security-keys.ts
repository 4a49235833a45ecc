import type { Queryable } from "@agentmesh/postgres";

export type StoredSecurityKey = {
  readonly tenant: string;
  readonly credential_id: Buffer;
  readonly subject: string;
  /** COSE. */
  readonly public_key: Buffer;
  readonly counter: bigint;
  readonly transports: readonly string[];
  readonly name: string;
  readonly created_at: Date;
  readonly last_used_at: Date | null;
};

type Owner = { readonly tenant: string; readonly subject: string };

/** In the order they were made. */
export async function listSecurityKeys(db: Queryable, { tenant, subject }: Owner): Promise<StoredSecurityKey[]> {
  const { rows } = await db.query<StoredSecurityKey>(
    "SELECT * FROM security_key WHERE tenant = $1 AND subject = $2 ORDER BY created_at, credential_id",
    [tenant, subject],
  );
  return rows;
}

/** False when the tenant has the credential already, whosever it is. */
export async function insertSecurityKey(db: Queryable, key: Omit<StoredSecurityKey, "last_used_at">): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO security_key (tenant, credential_id, subject, public_key, counter, transports, name, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [key.tenant, key.credential_id, key.subject, key.public_key, key.counter, key.transports, key.name, key.created_at],
  );
  return rowCount === 1;
}

/** Asks for the second factor from now on. False: it was asked for already. */
export async function requireSecondFactor(tx: Queryable, { tenant, subject }: Owner, at: Date): Promise<boolean> {
  const { rowCount } = await tx.query(
    "UPDATE account SET second_factor_at = $3 WHERE tenant = $1 AND subject = $2 AND second_factor_at IS NULL",
    [tenant, subject, at],
  );
  return rowCount === 1;
}

/** The compare-and-set of a use: of two that bring one count, one goes on. Keys that do not count stay at 0. */
export async function noteSecurityKeyUse(
  db: Queryable,
  { tenant, subject, credential_id }: StoredSecurityKey,
  counter: number,
  at: Date,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE security_key SET counter = $4, last_used_at = $5
     WHERE tenant = $1 AND subject = $2 AND credential_id = $3 AND (counter < $4 OR (counter = 0 AND $4 = 0))`,
    [tenant, subject, credential_id, counter, at],
  );
  return rowCount === 1;
}

/** Locks the account, so that of two removals at once neither takes the other for the one that stays. */
export async function hasOtherSecondFactor(
  tx: Queryable,
  { tenant, subject }: Owner,
  credentialId: Buffer,
): Promise<boolean> {
  await tx.query("SELECT FROM account WHERE tenant = $1 AND subject = $2 FOR UPDATE", [tenant, subject]);
  const { rows } = await tx.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM totp WHERE tenant = $1 AND subject = $2 AND sealed IS NOT NULL)
       OR EXISTS (SELECT FROM security_key WHERE tenant = $1 AND subject = $2 AND credential_id <> $3) AS found`,
    [tenant, subject, credentialId],
  );
  return rows[0]?.found ?? false;
}

/** Its name, or undefined when the subject has none of that id. */
export async function deleteSecurityKey(
  tx: Queryable,
  { tenant, subject }: Owner,
  credentialId: Buffer,
): Promise<string | undefined> {
  const { rows } = await tx.query<{ name: string }>(
    "DELETE FROM security_key WHERE tenant = $1 AND subject = $2 AND credential_id = $3 RETURNING name",
    [tenant, subject, credentialId],
  );
  return rows[0]?.name;
}

export async function deleteSecurityKeys(tx: Queryable, { tenant, subject }: Owner): Promise<void> {
  await tx.query("DELETE FROM security_key_challenge WHERE tenant = $1 AND subject = $2", [tenant, subject]);
  await tx.query("DELETE FROM security_key WHERE tenant = $1 AND subject = $2", [tenant, subject]);
}
