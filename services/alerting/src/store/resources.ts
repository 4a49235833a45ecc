import type { Queryable } from "@agentmesh/postgres";

export type Declared = { tenant: string; kind: string; name: string; version: number; spec: unknown };

/** Resources of some kinds, of all tenants. Read from the table and not from snapshots: alerting works without NATS. */
export async function declared(db: Queryable, kinds: readonly string[]): Promise<Declared[]> {
  const { rows } = await db.query<Declared>(
    `SELECT tenant, kind, name, version, spec FROM resource WHERE kind = ANY($1) AND NOT deleted
     ORDER BY tenant, kind, name`,
    [kinds],
  );
  return rows;
}

export async function declaredOf(db: Queryable, tenants: readonly string[], kind: string): Promise<Declared[]> {
  const { rows } = await db.query<Declared>(
    `SELECT tenant, kind, name, version, spec FROM resource WHERE tenant = ANY($1) AND kind = $2 AND NOT deleted
     ORDER BY tenant, name`,
    [tenants, kind],
  );
  return rows;
}

/** How many others of the kind the tenant has. */
export async function countOthers(db: Queryable, tenant: string, kind: string, name: string): Promise<bigint> {
  const { rows } = await db.query<{ count: bigint }>(
    "SELECT count(*) FROM resource WHERE tenant = $1 AND kind = $2 AND name <> $3 AND NOT deleted",
    [tenant, kind, name],
  );
  return rows[0]?.count ?? 0n;
}
