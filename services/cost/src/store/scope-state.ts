import type { Queryable } from "@agentmesh/postgres";

export type ScopeKey = { readonly tenant: string; readonly scope: string; readonly periodStart: Date };
export type ScopeState = {
  tenant: string;
  scope: string;
  period_start: Date;
  spent_nano_usd: bigint;
  held_nano_usd: bigint;
};

export function scopeId(tenant: string, scope: string, periodStart: Date): string {
  return `${tenant}\n${scope}\n${periodStart.getTime()}`;
}

/**
 * The rows of these scopes, made where missing, locked until the transaction ends. Always locked in the same order, so
 * that concurrent groups wait for each other instead of deadlocking.
 */
export async function lockScopes(tx: Queryable, keys: readonly ScopeKey[]): Promise<Map<string, ScopeState>> {
  const columns = [keys.map((key) => key.tenant), keys.map((key) => key.scope), keys.map((key) => key.periodStart)];
  await tx.query(
    `INSERT INTO scope_state (tenant, scope, period_start)
     SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]) ORDER BY 1, 2, 3
     ON CONFLICT DO NOTHING`,
    columns,
  );
  const { rows } = await tx.query<ScopeState>(
    `SELECT * FROM scope_state
     WHERE (tenant, scope, period_start) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::timestamptz[]))
     ORDER BY tenant, scope, period_start FOR UPDATE`,
    columns,
  );
  return new Map(rows.map((row) => [scopeId(row.tenant, row.scope, row.period_start), row]));
}

export type ScopeChange = ScopeKey & { readonly spentNanoUsd: bigint; readonly heldNanoUsd: bigint };

/** Adds to spent and held; several changes of one scope are summed. */
export async function addToScopes(tx: Queryable, changes: readonly ScopeChange[]): Promise<void> {
  if (changes.length === 0) return;
  await tx.query(
    `UPDATE scope_state s SET spent_nano_usd = s.spent_nano_usd + c.spent, held_nano_usd = s.held_nano_usd + c.held
     FROM (SELECT tenant, scope, period_start, sum(spent)::bigint AS spent, sum(held)::bigint AS held
           FROM unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[])
             AS c(tenant, scope, period_start, spent, held) GROUP BY 1, 2, 3) c
     WHERE (s.tenant, s.scope, s.period_start) = (c.tenant, c.scope, c.period_start)`,
    [
      changes.map((change) => change.tenant),
      changes.map((change) => change.scope),
      changes.map((change) => change.periodStart),
      changes.map((change) => change.spentNanoUsd),
      changes.map((change) => change.heldNanoUsd),
    ],
  );
}
