import type { Queryable } from "@agentmesh/postgres";

export type PublicJwk = {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
  readonly y: string;
  readonly kid: string;
  readonly alg: string;
  readonly use: string;
};

export type SigningKeyRow = {
  readonly kid: string;
  readonly public_jwk: PublicJwk;
  /** Gone once the key is retired. */
  readonly sealed: Buffer | null;
  readonly created_at: Date;
  readonly active_from: Date;
  readonly retired_at: Date | null;
};

/** Keys that sign or verify, youngest first. */
export async function readSigningKeys(db: Queryable): Promise<SigningKeyRow[]> {
  const { rows } = await db.query<SigningKeyRow>(
    "SELECT * FROM signing_key WHERE retired_at IS NULL ORDER BY active_from DESC, kid",
  );
  return rows;
}

/** Grows with each change of any key. */
export async function readKeySetVersion(db: Queryable): Promise<number> {
  const { rows } = await db.query<{ version: number }>(
    "SELECT coalesce(sum(changes), 0)::int AS version FROM signing_key",
  );
  return rows[0]?.version ?? 0;
}

/** One replica at a time decides about keys, until its transaction ends. */
export async function lockSigningKeys(tx: Queryable): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('auth.signing_key', 2))");
}

export async function insertSigningKey(tx: Queryable, key: Omit<SigningKeyRow, "retired_at">): Promise<void> {
  await tx.query(
    "INSERT INTO signing_key (kid, public_jwk, sealed, created_at, active_from) VALUES ($1, $2, $3, $4, $5)",
    [key.kid, JSON.stringify(key.public_jwk), key.sealed, key.created_at, key.active_from],
  );
}

/** A retired key verifies nothing any more, and its private half is gone. */
export async function retireSigningKey(tx: Queryable, kid: string, at: Date): Promise<void> {
  await tx.query(
    "UPDATE signing_key SET retired_at = $2, sealed = NULL, changes = changes + 1 WHERE kid = $1 AND retired_at IS NULL",
    [kid, at],
  );
}
