import type { Queryable } from "@agentmesh/postgres";

export type UnhealthyRow = {
  readonly tenant: string;
  readonly kind: "provider" | "agent";
  readonly name: string;
  readonly reason: string;
};

/** @returns those that were not known yet */
export async function insertUnhealthy(
  tx: Queryable,
  rows: readonly UnhealthyRow[],
  since: Date,
): Promise<UnhealthyRow[]> {
  if (rows.length === 0) return [];
  const inserted = await tx.query<UnhealthyRow>(
    `INSERT INTO unhealthy (tenant, kind, name, reason, since)
     SELECT t, k, n, r, $5 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS u (t, k, n, r) ORDER BY t, k, n
     ON CONFLICT DO NOTHING RETURNING tenant, kind, name, reason`,
    [
      rows.map((row) => row.tenant),
      rows.map((row) => row.kind),
      rows.map((row) => row.name),
      rows.map((row) => row.reason),
      since,
    ],
  );
  return inserted.rows;
}

/** An empty tenant stands for all. @returns those that were not well until now */
export async function deleteUnhealthy(
  tx: Queryable,
  well: readonly Pick<UnhealthyRow, "tenant" | "kind" | "name">[],
): Promise<UnhealthyRow[]> {
  if (well.length === 0) return [];
  const { rows } = await tx.query<UnhealthyRow>(
    `DELETE FROM unhealthy u USING unnest($1::text[], $2::text[], $3::text[]) AS w (tenant, kind, name)
     WHERE u.kind = w.kind AND u.name = w.name AND (w.tenant = '' OR u.tenant = w.tenant)
     RETURNING u.tenant, u.kind, u.name, u.reason`,
    [well.map(({ tenant }) => tenant), well.map(({ kind }) => kind), well.map(({ name }) => name)],
  );
  return rows;
}
