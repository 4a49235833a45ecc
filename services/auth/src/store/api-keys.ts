import type { Queryable } from "@agentmesh/postgres";

export type StoredApiKey = {
  readonly tenant: string;
  readonly id: string;
  readonly hash: Buffer;
  readonly prefix: string;
  readonly name: string;
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
  /** The key that was made in its place. */
  readonly replaced_by: string | null;
};

export async function insertApiKey(
  db: Queryable,
  key: Omit<StoredApiKey, "last_used_at" | "revoked_at" | "replaced_by">,
): Promise<void> {
  await db.query(
    `INSERT INTO api_key (tenant, id, hash, prefix, name, subject, scopes, created_at, created_by, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      key.tenant,
      key.id,
      key.hash,
      key.prefix,
      key.name,
      key.subject,
      key.scopes,
      key.created_at,
      key.created_by,
      key.expires_at,
    ],
  );
}

export async function readApiKeyByHash(db: Queryable, hash: Buffer): Promise<StoredApiKey | undefined> {
  const { rows } = await db.query<StoredApiKey>("SELECT * FROM api_key WHERE hash = $1", [hash]);
  return rows[0];
}

/** Keys the time of use to the minute: a row written for each call would cost more than the call. */
/** Locks its row until the transaction ends. */
export async function lockApiKey(tx: Queryable, tenant: string, id: string): Promise<StoredApiKey | undefined> {
  const { rows } = await tx.query<StoredApiKey>("SELECT * FROM api_key WHERE tenant = $1 AND id = $2 FOR UPDATE", [
    tenant,
    id,
  ]);
  return rows[0];
}

/** The key it names ends at a time, or before when it was to. */
export async function replaceApiKey(
  tx: Queryable,
  tenant: string,
  id: string,
  by: string,
  endsAt: Date,
): Promise<void> {
  await tx.query(
    `UPDATE api_key SET replaced_by = $3, expires_at = least(coalesce(expires_at, $4), $4)
     WHERE tenant = $1 AND id = $2`,
    [tenant, id, by, endsAt],
  );
}

export async function noteApiKeyUse(db: Queryable, key: Pick<StoredApiKey, "tenant" | "id">, at: Date): Promise<void> {
  await db.query(
    `UPDATE api_key SET last_used_at = $3
     WHERE tenant = $1 AND id = $2 AND (last_used_at IS NULL OR last_used_at < $3::timestamptz - interval '1 minute')`,
    [key.tenant, key.id, at],
  );
}

export async function listApiKeys(db: Queryable, tenant: string, limit: number): Promise<StoredApiKey[]> {
  const { rows } = await db.query<StoredApiKey>(
    "SELECT * FROM api_key WHERE tenant = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
    [tenant, limit],
  );
  return rows;
}

/** The key after it, or undefined when the tenant has none of that id. Revoking twice keeps the first time. */
export async function revokeApiKey(
  db: Queryable,
  tenant: string,
  id: string,
  at: Date,
): Promise<StoredApiKey | undefined> {
  const { rows } = await db.query<StoredApiKey>(
    "UPDATE api_key SET revoked_at = coalesce(revoked_at, $3) WHERE tenant = $1 AND id = $2 RETURNING *",
    [tenant, id, at],
  );
  return rows[0];
}
