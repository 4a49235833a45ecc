import type { Queryable } from "@agentmesh/postgres";

export type HoldRow = {
  tenant: string;
  attempt_id: string;
  subject: string;
  department: string;
  project: string;
  agent: string;
  run_id: string;
  provider: string;
  model: string;
  held_nano_usd: bigint;
  max_output_tokens: bigint;
  input_tokens: bigint;
  price_version: number;
  period_start: Date;
};

type AttemptKey = { readonly tenant: string; readonly attemptId: string };

function keyColumns(keys: readonly AttemptKey[]): [string[], string[]] {
  return [keys.map((key) => key.tenant), keys.map((key) => key.attemptId)];
}

export async function findHolds(db: Queryable, keys: readonly AttemptKey[]): Promise<HoldRow[]> {
  const { rows } = await db.query<HoldRow>(
    "SELECT * FROM hold WHERE (tenant, attempt_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))",
    keyColumns(keys),
  );
  return rows;
}

/** The holds that are still open, taken out. */
export async function takeHolds(tx: Queryable, keys: readonly AttemptKey[]): Promise<HoldRow[]> {
  const { rows } = await tx.query<HoldRow>(
    "DELETE FROM hold WHERE (tenant, attempt_id) IN (SELECT * FROM unnest($1::text[], $2::text[])) RETURNING *",
    keyColumns(keys),
  );
  return rows;
}

/** Keys of holds that nobody settled in time. */
export async function expiredHolds(db: Queryable, limit: number): Promise<AttemptKey[]> {
  const { rows } = await db.query<{ tenant: string; attempt_id: string }>(
    "SELECT tenant, attempt_id FROM hold WHERE expires_at < now() ORDER BY expires_at LIMIT $1",
    [limit],
  );
  return rows.map((row) => ({ tenant: row.tenant, attemptId: row.attempt_id }));
}

export async function insertHolds(tx: Queryable, rows: readonly HoldRow[], ttlMs: number): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `INSERT INTO hold SELECT h.*, now() + $15 * interval '1 ms' FROM unnest($1::text[], $2::text[], $3::text[], $4::text[],
       $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::bigint[], $11::bigint[], $12::bigint[], $13::int[],
       $14::timestamptz[]) AS h`,
    [
      rows.map((row) => row.tenant),
      rows.map((row) => row.attempt_id),
      rows.map((row) => row.subject),
      rows.map((row) => row.department),
      rows.map((row) => row.project),
      rows.map((row) => row.agent),
      rows.map((row) => row.run_id),
      rows.map((row) => row.provider),
      rows.map((row) => row.model),
      rows.map((row) => row.held_nano_usd),
      rows.map((row) => row.max_output_tokens),
      rows.map((row) => row.input_tokens),
      rows.map((row) => row.price_version),
      rows.map((row) => row.period_start),
      ttlMs,
    ],
  );
}
