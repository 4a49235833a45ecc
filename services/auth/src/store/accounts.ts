import type { Queryable } from "@agentmesh/postgres";

/** `admin` stays until an admin says otherwise; `deleted` ends when the resource is applied again. */
export type DisabledBy = "admin" | "deleted";

export type Account = {
  readonly tenant: string;
  readonly subject: string;
  readonly username: string;
  readonly password_hash: string | null;
  readonly display_name: string;
  readonly email: string;
  readonly department: string;
  readonly project: string;
  readonly roles: readonly string[];
  readonly service_account: boolean;
  readonly disabled_at: Date | null;
  readonly disabled_by: DisabledBy | null;
  readonly created_at: Date;
  readonly last_sign_in_at: Date | null;
  /** Since when a second factor is asked for at sign-in. */
  readonly second_factor_at: Date | null;
};

export type NewAccount = Omit<Account, "disabled_at" | "disabled_by" | "last_sign_in_at" | "second_factor_at">;

export async function readAccount(db: Queryable, tenant: string, subject: string): Promise<Account | undefined> {
  const { rows } = await db.query<Account>("SELECT * FROM account WHERE tenant = $1 AND subject = $2", [
    tenant,
    subject,
  ]);
  return rows[0];
}

export async function readAccountByUsername(
  db: Queryable,
  tenant: string,
  username: string,
): Promise<Account | undefined> {
  const { rows } = await db.query<Account>("SELECT * FROM account WHERE tenant = $1 AND username = $2", [
    tenant,
    username,
  ]);
  return rows[0];
}

/** False when the tenant has the user name already. */
export async function insertAccount(db: Queryable, account: NewAccount): Promise<boolean> {
  const { rowCount } = await db.query(
    `INSERT INTO account (tenant, subject, username, password_hash, display_name, email, department, project, roles,
       service_account, created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING`,
    [
      account.tenant,
      account.subject,
      account.username,
      account.password_hash,
      account.display_name,
      account.email,
      account.department,
      account.project,
      account.roles,
      account.service_account,
      account.created_at,
    ],
  );
  return rowCount === 1;
}

export type ServiceAccountFields = Pick<
  Account,
  "tenant" | "subject" | "username" | "display_name" | "department" | "project" | "roles" | "created_at"
>;

/** Makes a service account, or gives the one there is these fields. One that was deleted is enabled again. */
export async function upsertServiceAccount(db: Queryable, account: ServiceAccountFields): Promise<void> {
  await db.query(
    `INSERT INTO account (tenant, subject, username, display_name, department, project, roles, service_account,
       created_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, true, $8)
     ON CONFLICT (tenant, subject) DO UPDATE SET display_name = EXCLUDED.display_name,
       department = EXCLUDED.department, project = EXCLUDED.project, roles = EXCLUDED.roles,
       disabled_at = CASE WHEN account.disabled_by = 'admin' THEN account.disabled_at END,
       disabled_by = CASE WHEN account.disabled_by = 'admin' THEN account.disabled_by END`,
    [
      account.tenant,
      account.subject,
      account.username,
      account.display_name,
      account.department,
      account.project,
      account.roles,
      account.created_at,
    ],
  );
}

/** The account after it, or undefined when there is none. Disabling twice keeps the first time. */
export async function disableAccount(
  db: Queryable,
  tenant: string,
  username: string,
  at: Date,
  by: DisabledBy,
): Promise<Account | undefined> {
  const { rows } = await db.query<Account>(
    `UPDATE account SET disabled_at = coalesce(disabled_at, $3), disabled_by = $4
     WHERE tenant = $1 AND username = $2 RETURNING *`,
    [tenant, username, at, by],
  );
  return rows[0];
}

/** The account after it, or undefined when there is none that is not of a deleted resource. */
export async function enableAccount(db: Queryable, tenant: string, username: string): Promise<Account | undefined> {
  const { rows } = await db.query<Account>(
    `UPDATE account SET disabled_at = NULL, disabled_by = NULL
     WHERE tenant = $1 AND username = $2 AND disabled_by IS DISTINCT FROM 'deleted' RETURNING *`,
    [tenant, username],
  );
  return rows[0];
}

/** Also locks the account's row, which puts the sign-ins of one account in a line. */
export async function noteSignIn(db: Queryable, tenant: string, subject: string, at: Date): Promise<void> {
  await db.query("UPDATE account SET last_sign_in_at = $3 WHERE tenant = $1 AND subject = $2", [tenant, subject, at]);
}

/** In order of the user name, after one. */
export async function listAccounts(db: Queryable, tenant: string, after: string, limit: number): Promise<Account[]> {
  const { rows } = await db.query<Account>(
    "SELECT * FROM account WHERE tenant = $1 AND username > $2 ORDER BY username LIMIT $3",
    [tenant, after, limit],
  );
  return rows;
}

export async function someoneHolds(db: Queryable, tenant: string, role: string): Promise<boolean> {
  const { rows } = await db.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM account
       WHERE tenant = $1 AND $2 = ANY(roles) AND disabled_at IS NULL AND NOT service_account) AS found`,
    [tenant, role],
  );
  return rows[0]?.found ?? false;
}
