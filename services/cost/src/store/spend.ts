import type { Queryable } from "@agentmesh/postgres";

// The only texts that reach the statement; what a caller asks for picks among them.
const DIMENSIONS = {
  department: "department",
  project: "project",
  agent: "agent",
  model: "provider || '/' || model",
  subject: "subject",
  day: "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD')",
} as const;

export type Dimension = keyof typeof DIMENSIONS;

export function isDimension(name: string): name is Dimension {
  return Object.hasOwn(DIMENSIONS, name);
}

export const dimensionNames = Object.keys(DIMENSIONS);

export type SpendSum = {
  dimensions: string[];
  cost: bigint;
  calls: bigint;
  hits: bigint;
  input: bigint;
  output: bigint;
  saved: bigint;
};

/** Sums of the ledger in a half-open period, one row a combination of dimensions, dearest first. */
export async function sumSpend(
  db: Queryable,
  query: { tenant: string; from: Date; to: Date; by: readonly Dimension[]; limit: number },
): Promise<SpendSum[]> {
  const expressions = query.by.map((name) => DIMENSIONS[name]);
  const { rows } = await db.query<SpendSum>(
    `SELECT ARRAY[${expressions.join(", ")}]::text[] AS dimensions, coalesce(sum(cost_nano_usd), 0)::bigint AS cost,
       count(*)::bigint AS calls, count(*) FILTER (WHERE cache_hit)::bigint AS hits,
       coalesce(sum(uncached_input_tokens + cache_read_tokens + cache_write_tokens), 0)::bigint AS input,
       coalesce(sum(output_tokens + reasoning_tokens), 0)::bigint AS output, coalesce(sum(saved_nano_usd), 0)::bigint AS saved
     FROM ledger WHERE tenant = $1 AND at >= $2 AND at < $3 GROUP BY 1 ORDER BY cost DESC, dimensions LIMIT $4`,
    [query.tenant, query.from, query.to, query.limit],
  );
  return rows;
}
