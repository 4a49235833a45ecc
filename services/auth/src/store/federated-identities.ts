import type { Queryable } from "@agentmesh/postgres";
import type { Account } from "./accounts.ts";

type Identity = { readonly tenant: string; readonly issuer: string; readonly externalId: string };

export async function readLinkedAccount(
  db: Queryable,
  { tenant, issuer, externalId }: Identity,
): Promise<Account | undefined> {
  const { rows } = await db.query<Account>(
    `SELECT a.* FROM federated_identity f JOIN account a ON a.tenant = f.tenant AND a.subject = f.subject
     WHERE f.tenant = $1 AND f.issuer = $2 AND f.external_id = $3`,
    [tenant, issuer, externalId],
  );
  return rows[0];
}

export async function linkAccount(
  tx: Queryable,
  { tenant, issuer, externalId }: Identity,
  link: { subject: string; provider: string; at: Date },
): Promise<void> {
  await tx.query(
    `INSERT INTO federated_identity (tenant, issuer, external_id, subject, provider, created_at)
     VALUES ($1, $2, $3, $4, $5, $6)`,
    [tenant, issuer, externalId, link.subject, link.provider, link.at],
  );
}

export type Profile = Pick<Account, "display_name" | "email" | "department" | "roles">;

/** What the provider says now replaces what it said before. */
export async function updateProfile(
  tx: Queryable,
  { tenant, subject }: Pick<Account, "tenant" | "subject">,
  profile: Profile,
): Promise<Account | undefined> {
  const { rows } = await tx.query<Account>(
    `UPDATE account SET display_name = $3, email = $4, department = $5, roles = $6
     WHERE tenant = $1 AND subject = $2 RETURNING *`,
    [tenant, subject, profile.display_name, profile.email, profile.department, profile.roles],
  );
  return rows[0];
}
