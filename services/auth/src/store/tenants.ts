import type { Queryable } from "@agentmesh/postgres";

export async function insertTenant(db: Queryable, name: string): Promise<void> {
  await db.query("INSERT INTO tenant (name) VALUES ($1) ON CONFLICT DO NOTHING", [name]);
}

export async function readTenant(db: Queryable, name: string): Promise<{ created_at: Date } | undefined> {
  const { rows } = await db.query<{ created_at: Date }>("SELECT created_at FROM tenant WHERE name = $1", [name]);
  return rows[0];
}

export async function tenantExists(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query("SELECT FROM tenant WHERE name = $1", [name]);
  return rowCount === 1;
}

/** Whoever changes a thing of a tenant that must be judged as a whole takes turns until the transaction ends. */
export async function lockTenant(tx: Queryable, tenant: string, what: string): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", [`${tenant}/${what}`]);
}
