import type { Queryable } from "@agentmesh/postgres";

/** Tenants whose tree grew beyond its last checkpoint. */
export async function tenantsToSign(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ tenant: string }>(
    `SELECT tenant FROM audit_tree t WHERE size > 0 AND NOT EXISTS
       (SELECT FROM audit_checkpoint c WHERE c.tenant = t.tenant AND c.size = t.size) ORDER BY tenant`,
  );
  return rows.map((row) => row.tenant);
}

export async function insertCheckpoint(tx: Queryable, tenant: string, size: bigint, note: string): Promise<boolean> {
  const { rowCount } = await tx.query(
    "INSERT INTO audit_checkpoint (tenant, size, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    [tenant, size, note],
  );
  return rowCount > 0;
}

export async function readCheckpoints(db: Queryable, tenant: string): Promise<{ size: bigint; note: string }[]> {
  const { rows } = await db.query<{ size: bigint; note: string }>(
    "SELECT size, note FROM audit_checkpoint WHERE tenant = $1 ORDER BY size",
    [tenant],
  );
  return rows;
}

/** The smallest checkpoint that covers a leaf, or undefined while none does. */
export async function checkpointCovering(db: Queryable, tenant: string, seq: bigint) {
  const { rows } = await db.query<{ size: bigint; note: string }>(
    "SELECT size, note FROM audit_checkpoint WHERE tenant = $1 AND size > $2 ORDER BY size LIMIT 1",
    [tenant, seq],
  );
  return rows[0];
}
