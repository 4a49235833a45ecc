import type { Queryable } from "@agentmesh/postgres";

export type RevocationRow = {
  readonly tenant: string;
  /** `session.<id>` or `subject.<subject>`, as tokens of a subject of NATS. */
  readonly key: string;
  readonly version: bigint;
  /** False: it was lifted. */
  readonly active: boolean;
  readonly expires_at: Date;
};

/** Revokes, or lifts what is revoked, until a time after which no token can be valid anyway. */
export async function writeRevocations(
  tx: Queryable,
  tenant: string,
  keys: readonly string[],
  change: { active: boolean; expiresAt: Date },
): Promise<void> {
  if (keys.length === 0) return;
  await tx.query(
    `INSERT INTO revocation (tenant, key, active, expires_at) SELECT $1, key, $3, $4 FROM unnest($2::text[]) AS key
     ON CONFLICT (tenant, key) DO UPDATE SET version = nextval('revocation_version'), active = EXCLUDED.active,
       expires_at = greatest(revocation.expires_at, EXCLUDED.expires_at), published = false`,
    [tenant, keys, change.active, change.expiresAt],
  );
}

export async function readRevocations(db: Queryable): Promise<RevocationRow[]> {
  const { rows } = await db.query<RevocationRow>("SELECT * FROM revocation WHERE expires_at > now()");
  return rows;
}

export async function readUnpublishedRevocations(db: Queryable, limit: number): Promise<RevocationRow[]> {
  const { rows } = await db.query<RevocationRow>(
    "SELECT * FROM revocation WHERE NOT published ORDER BY version LIMIT $1",
    [limit],
  );
  return rows;
}

export async function markPublished(db: Queryable, versions: readonly bigint[]): Promise<void> {
  await db.query("UPDATE revocation SET published = true WHERE version = ANY($1)", [versions]);
}

/** Locks what has expired; peers skip it. */
export async function lockExpiredRevocations(tx: Queryable, at: Date, limit: number): Promise<RevocationRow[]> {
  const { rows } = await tx.query<RevocationRow>(
    "SELECT * FROM revocation WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED",
    [at, limit],
  );
  return rows;
}

export async function deleteRevocations(tx: Queryable, versions: readonly bigint[]): Promise<void> {
  await tx.query("DELETE FROM revocation WHERE version = ANY($1)", [versions]);
}
