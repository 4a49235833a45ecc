import type { Queryable } from "@agentmesh/postgres";
import { deleteSecurityKeys } from "./security-keys.ts";

export type Totp = {
  readonly sealed: Buffer | null;
  readonly pending: Buffer | null;
  readonly pending_at: Date | null;
  readonly last_step: bigint;
};

type Owner = { readonly tenant: string; readonly subject: string };

export async function readTotp(db: Queryable, { tenant, subject }: Owner): Promise<Totp | undefined> {
  const { rows } = await db.query<Totp>(
    "SELECT sealed, pending, pending_at, last_step FROM totp WHERE tenant = $1 AND subject = $2",
    [tenant, subject],
  );
  return rows[0];
}

/** A secret that counts once its first code is given; one that counts already stays until then. */
export async function putPendingTotp(
  db: Queryable,
  { tenant, subject }: Owner,
  pending: Buffer,
  at: Date,
): Promise<void> {
  await db.query(
    `INSERT INTO totp (tenant, subject, pending, pending_at) VALUES ($1, $2, $3, $4)
     ON CONFLICT (tenant, subject) DO UPDATE SET pending = EXCLUDED.pending, pending_at = EXCLUDED.pending_at`,
    [tenant, subject, pending, at],
  );
}

/** Makes the pending secret the one that counts, with its first code spent. False: somebody else did, or began anew. */
export async function confirmTotp(
  tx: Queryable,
  { tenant, subject }: Owner,
  pending: Buffer,
  step: number,
  at: Date,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `UPDATE totp SET sealed = pending, pending = NULL, pending_at = NULL, last_step = $4
     WHERE tenant = $1 AND subject = $2 AND pending = $3`,
    [tenant, subject, pending, step],
  );
  if (rowCount !== 1) return false;
  await tx.query("UPDATE account SET second_factor_at = $3 WHERE tenant = $1 AND subject = $2", [tenant, subject, at]);
  return true;
}

/** The compare-and-set of a code: of any number that present it, one spends it. */
export async function spendTotpStep(db: Queryable, { tenant, subject }: Owner, step: number): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE totp SET last_step = $3 WHERE tenant = $1 AND subject = $2 AND last_step < $3 AND sealed IS NOT NULL",
    [tenant, subject, step],
  );
  return rowCount === 1;
}

export async function replaceRecoveryCodes(
  tx: Queryable,
  { tenant, subject }: Owner,
  hashes: readonly Buffer[],
): Promise<void> {
  await tx.query("DELETE FROM recovery_code WHERE tenant = $1 AND subject = $2", [tenant, subject]);
  await tx.query("INSERT INTO recovery_code (tenant, subject, hash) SELECT $1, $2, unnest($3::bytea[])", [
    tenant,
    subject,
    hashes,
  ]);
}

/** Whether it was one of the subject's that is left; it is gone by this. */
export async function spendRecoveryCode(db: Queryable, { tenant, subject }: Owner, hash: Buffer): Promise<boolean> {
  const { rowCount } = await db.query("DELETE FROM recovery_code WHERE tenant = $1 AND subject = $2 AND hash = $3", [
    tenant,
    subject,
    hash,
  ]);
  return rowCount === 1;
}

export async function spendRecoveryCodeByName(
  db: Queryable,
  { tenant, username }: { readonly tenant: string; readonly username: string },
  hash: Buffer,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `DELETE FROM recovery_code r USING account a
     WHERE a.tenant = $1 AND a.username = $2 AND r.tenant = a.tenant AND r.subject = a.subject AND r.hash = $3`,
    [tenant, username, hash],
  );
  return rowCount === 1;
}

export async function deleteSecondFactor(tx: Queryable, { tenant, subject }: Owner): Promise<void> {
  await deleteSecurityKeys(tx, { tenant, subject });
  await tx.query("DELETE FROM recovery_code WHERE tenant = $1 AND subject = $2", [tenant, subject]);
  await tx.query("DELETE FROM totp WHERE tenant = $1 AND subject = $2", [tenant, subject]);
  await tx.query("UPDATE account SET second_factor_at = NULL WHERE tenant = $1 AND subject = $2", [tenant, subject]);
}
