import { AppError } from "@agentmesh/errors";
import type { Queryable } from "@agentmesh/postgres";
import type { Resource } from "@agentmesh/proto/resource";

export type StoredResource = {
  tenant: string;
  kind: string;
  name: string;
  version: number;
  labels: Record<string, string>;
  spec: Record<string, unknown>;
  hash: string;
  deleted: boolean;
  applied_at: Date;
  applied_by: string;
};

// A name is a token of KV keys and subjects and a segment of URLs, so it keeps to what all of them take.
const NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

/** @throws AppError INVALID_ARGUMENT */
export function resourceName(name: string, field = "name"): string {
  if (NAME.test(name)) return name;
  throw new AppError(
    "INVALID_ARGUMENT",
    `${field} ${JSON.stringify(name.slice(0, 80))} must be 1 to 63 of a-z, 0-9, "-" and "_", starting with a letter or digit`,
    { reason: "BAD_NAME", field },
  );
}

/** The current version, or undefined when there is none or it was deleted. Locks the row when asked to. */
export async function readResource(
  db: Queryable,
  tenant: string,
  kind: string,
  name: string,
): Promise<StoredResource | undefined> {
  const { rows } = await db.query<StoredResource>(
    "SELECT * FROM resource WHERE tenant = $1 AND kind = $2 AND name = $3 AND NOT deleted",
    [tenant, kind, name],
  );
  return rows[0];
}

/** The row whatever its state, locked until the transaction ends. */
export async function lockResource(
  tx: Queryable,
  tenant: string,
  kind: string,
  name: string,
): Promise<StoredResource | undefined> {
  // The advisory lock also serialises the first apply of a name, when there is no row to lock yet.
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", [`${tenant}/${kind}/${name}`]);
  const { rows } = await tx.query<StoredResource>(
    "SELECT * FROM resource WHERE tenant = $1 AND kind = $2 AND name = $3",
    [tenant, kind, name],
  );
  return rows[0];
}

export async function readVersion(
  db: Queryable,
  tenant: string,
  kind: string,
  name: string,
  version: number,
): Promise<StoredResource | undefined> {
  const { rows } = await db.query<StoredResource>(
    "SELECT * FROM resource_version WHERE tenant = $1 AND kind = $2 AND name = $3 AND version = $4",
    [tenant, kind, name, version],
  );
  return rows[0];
}

export async function writeVersion(tx: Queryable, row: StoredResource): Promise<void> {
  const values = [
    row.tenant,
    row.kind,
    row.name,
    row.version,
    JSON.stringify(row.labels),
    JSON.stringify(row.spec),
    row.hash,
    row.deleted,
    row.applied_at,
    row.applied_by,
  ];
  await tx.query("INSERT INTO resource_version VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)", values);
  await tx.query(
    `INSERT INTO resource (tenant, kind, name, version, labels, spec, hash, deleted, applied_at, applied_by)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
     ON CONFLICT (tenant, kind, name) DO UPDATE SET version = EXCLUDED.version, labels = EXCLUDED.labels,
       spec = EXCLUDED.spec, hash = EXCLUDED.hash, deleted = EXCLUDED.deleted, applied_at = EXCLUDED.applied_at,
       applied_by = EXCLUDED.applied_by`,
    values,
  );
}

export type ResourcePage = {
  readonly tenant: string;
  readonly kind: string;
  readonly after: string;
  readonly limit: number;
};

/** In order of kind and name, after a cursor of the form `kind/name`. */
export async function listResources(db: Queryable, page: ResourcePage): Promise<StoredResource[]> {
  const { rows } = await db.query<StoredResource>(
    `SELECT * FROM resource WHERE tenant = $1 AND ($2 = '' OR kind = $2) AND NOT deleted AND kind || '/' || name > $3
     ORDER BY kind || '/' || name LIMIT $4`,
    [page.tenant, page.kind, page.after, page.limit],
  );
  return rows;
}

export async function listAllOfKind(db: Queryable, kind: string): Promise<StoredResource[]> {
  const { rows } = await db.query<StoredResource>("SELECT * FROM resource WHERE kind = $1", [kind]);
  return rows;
}

export function toResource(row: StoredResource): Resource {
  return {
    kind: row.kind,
    name: row.name,
    tenant: row.tenant,
    version: row.version,
    labels: row.labels,
    spec: row.spec,
    hash: row.hash,
    appliedAt: row.applied_at,
    appliedBy: row.applied_by,
  };
}
