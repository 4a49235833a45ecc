import type { Queryable } from "@agentmesh/postgres";
import type { CertificateName } from "../domain/certificate-name.ts";

export type StoredCertificate = CertificateName & {
  readonly tenant: string;
  readonly id: string;
  readonly subject: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
};

/** False when the tenant has the name already, whosever it is. */
export async function insertCertificate(
  db: Queryable,
  certificate: Omit<StoredCertificate, "last_used_at">,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO client_certificate (tenant, kind, value, id, subject, created_at, created_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
    [
      certificate.tenant,
      certificate.kind,
      certificate.value,
      certificate.id,
      certificate.subject,
      certificate.created_at,
      certificate.created_by,
      certificate.expires_at,
    ],
  );
  return rowCount === 1;
}

export async function countCertificates(db: Queryable, tenant: string): Promise<number> {
  const { rows } = await db.query<{ count: bigint }>("SELECT count(*) FROM client_certificate WHERE tenant = $1", [
    tenant,
  ]);
  return Number(rows[0]?.count ?? 0);
}

/** In the order of their names. */
export async function listCertificates(db: Queryable, tenant: string, limit: number): Promise<StoredCertificate[]> {
  const { rows } = await db.query<StoredCertificate>(
    "SELECT * FROM client_certificate WHERE tenant = $1 ORDER BY kind, value LIMIT $2",
    [tenant, limit],
  );
  return rows;
}

/** The registrations that any of a certificate's names has in a tenant. */
export async function findCertificates(
  db: Queryable,
  tenant: string,
  names: readonly CertificateName[],
): Promise<StoredCertificate[]> {
  const { rows } = await db.query<StoredCertificate>(
    `SELECT * FROM client_certificate WHERE tenant = $1
       AND (kind, value) IN (SELECT * FROM unnest($2::text[], $3::text[]))`,
    [tenant, names.map(({ kind }) => kind), names.map(({ value }) => value)],
  );
  return rows;
}

/** Notes the time of use to the minute: a row written for each call would cost more than the call. */
export async function noteCertificateUse(
  db: Queryable,
  { tenant, id }: Pick<StoredCertificate, "tenant" | "id">,
  at: Date,
): Promise<void> {
  await db.query(
    `UPDATE client_certificate SET last_used_at = $3
     WHERE tenant = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3::timestamptz - interval '1 minute')`,
    [tenant, id, at],
  );
}

export async function deleteCertificate(
  tx: Queryable,
  tenant: string,
  id: string,
): Promise<StoredCertificate | undefined> {
  const { rows } = await tx.query<StoredCertificate>(
    "DELETE FROM client_certificate WHERE tenant = $1 AND id = $2 RETURNING *",
    [tenant, id],
  );
  return rows[0];
}
