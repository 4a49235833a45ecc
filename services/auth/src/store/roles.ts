import type { Queryable } from "@agentmesh/postgres";

/** Role specs of a tenant by name, as they were applied. */
export async function readRoles(db: Queryable, tenant: string): Promise<Map<string, unknown>> {
  const { rows } = await db.query<{ name: string; spec: unknown }>(
    "SELECT name, spec FROM resource WHERE tenant = $1 AND kind = 'Role' AND NOT deleted",
    [tenant],
  );
  return new Map(rows.map((row) => [row.name, row.spec]));
}

/** Which of these roles the tenant does not have. */
export async function missingRoles(db: Queryable, tenant: string, names: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `SELECT name FROM unnest($2::text[]) AS name
     WHERE name NOT IN (SELECT name FROM resource WHERE tenant = $1 AND kind = 'Role' AND NOT deleted)`,
    [tenant, names],
  );
  return rows.map((row) => row.name);
}

/** Who applied the latest version of a role, a deletion included; undefined: there never was one. */
export async function lastAppliedBy(db: Queryable, tenant: string, role: string): Promise<string | undefined> {
  const { rows } = await db.query<{ applied_by: string }>(
    "SELECT applied_by FROM resource WHERE tenant = $1 AND kind = 'Role' AND name = $2",
    [tenant, role],
  );
  return rows[0]?.applied_by;
}
