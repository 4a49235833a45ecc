import type { Queryable } from "@agentmesh/postgres";

export async function insertTenant(db: Queryable, name: string): Promise<void> {
  await db.query("INSERT INTO tenant (name) VALUES ($1) ON CONFLICT DO NOTHING", [name]);
}

export async function tenantExists(db: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await db.query("SELECT FROM tenant WHERE name = $1", [name]);
  return rowCount === 1;
}

/** Whoever changes a thing of a tenant that must be judged as a whole takes turns until the transaction ends. */
export async function lockTenant(tx: Queryable, tenant: string, what: string): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 2))", [`${tenant}/${what}`]);
}
