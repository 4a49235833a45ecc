import type { Queryable } from "@agentmesh/postgres";

export type LedgerEntry = {
  tenant: string;
  attempt_id: string;
  subject: string;
  department: string;
  project: string;
  agent: string;
  run_id: string;
  provider: string;
  model: string;
  uncached_input_tokens: bigint;
  cache_read_tokens: bigint;
  cache_write_tokens: bigint;
  output_tokens: bigint;
  reasoning_tokens: bigint;
  cost_nano_usd: bigint;
  kind: "settled" | "estimated";
  cache_hit: boolean;
  saved_nano_usd: bigint;
  failed: boolean;
  response_ms: number;
  at: Date;
};

const COLUMNS = [
  ["tenant", "text"],
  ["attempt_id", "text"],
  ["subject", "text"],
  ["department", "text"],
  ["project", "text"],
  ["agent", "text"],
  ["run_id", "text"],
  ["provider", "text"],
  ["model", "text"],
  ["uncached_input_tokens", "bigint"],
  ["cache_read_tokens", "bigint"],
  ["cache_write_tokens", "bigint"],
  ["output_tokens", "bigint"],
  ["reasoning_tokens", "bigint"],
  ["cost_nano_usd", "bigint"],
  ["kind", "text"],
  ["cache_hit", "boolean"],
  ["saved_nano_usd", "bigint"],
  ["failed", "boolean"],
  ["response_ms", "int"],
  ["at", "timestamptz"],
] as const satisfies readonly (readonly [keyof LedgerEntry, string])[];

const NAMES = COLUMNS.map(([name]) => name).join(", ");
const INSERT = `INSERT INTO ledger (${NAMES})
  SELECT * FROM unnest(${COLUMNS.map(([, type], index) => `$${index + 1}::${type}[]`).join(", ")})`;
const UPDATED = COLUMNS.slice(2)
  .map(([name]) => `${name} = EXCLUDED.${name}`)
  .join(", ");

/** What stands in the ledger for these attempts, locked. */
export async function lockLedger(
  tx: Queryable,
  keys: readonly { tenant: string; attempt_id: string }[],
): Promise<LedgerEntry[]> {
  const { rows } = await tx.query<LedgerEntry>(
    `SELECT * FROM ledger WHERE (tenant, attempt_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
     ORDER BY tenant, attempt_id FOR UPDATE`,
    [keys.map((key) => key.tenant), keys.map((key) => key.attempt_id)],
  );
  return rows;
}

/** One row an attempt: a settled one stands for ever, and replaces an estimated one. */
export async function writeLedger(tx: Queryable, entries: readonly LedgerEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx.query(
    `${INSERT} ON CONFLICT (tenant, attempt_id) DO UPDATE SET ${UPDATED}
     WHERE ledger.kind = 'estimated' AND EXCLUDED.kind = 'settled'`,
    COLUMNS.map(([name]) => entries.map((entry) => entry[name])),
  );
}

export async function listLedger(
  db: Queryable,
  page: { tenant: string; runId: string; before: string; limit: number },
): Promise<LedgerEntry[]> {
  const [at = "infinity", attemptId = ""] = page.before ? page.before.split("|") : [];
  const { rows } = await db.query<LedgerEntry>(
    `SELECT * FROM ledger WHERE tenant = $1 AND ($2 = '' OR run_id = $2) AND (at, attempt_id) < ($3::timestamptz, $4)
     ORDER BY at DESC, attempt_id DESC LIMIT $5`,
    [page.tenant, page.runId, at, attemptId, page.limit],
  );
  return rows;
}
