import type { Queryable } from "@agentmesh/postgres";

export type PendingSignIn = {
  readonly state: string;
  readonly tenant: string;
  readonly provider: string;
  readonly redirect_uri: string;
  readonly expires_at: Date;
};

export async function insertPendingSignIn(db: Queryable, pending: PendingSignIn): Promise<void> {
  await db.query(
    "INSERT INTO pending_sign_in (state, tenant, provider, redirect_uri, expires_at) VALUES ($1, $2, $3, $4, $5)",
    [pending.state, pending.tenant, pending.provider, pending.redirect_uri, pending.expires_at],
  );
}

/** It is gone by this: of any number that come back with it, one goes on. */
export async function takePendingSignIn(db: Queryable, state: string, at: Date): Promise<PendingSignIn | undefined> {
  const { rows } = await db.query<PendingSignIn>("DELETE FROM pending_sign_in WHERE state = $1 RETURNING *", [state]);
  const [pending] = rows;
  return pending && pending.expires_at > at ? pending : undefined;
}

export async function deletePendingBefore(db: Queryable, before: Date, limit: number): Promise<void> {
  await db.query(
    "DELETE FROM pending_sign_in WHERE state IN (SELECT state FROM pending_sign_in WHERE expires_at < $1 LIMIT $2)",
    [before, limit],
  );
}
