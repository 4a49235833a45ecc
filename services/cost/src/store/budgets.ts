import type { Queryable } from "@agentmesh/postgres";
import type { Budget, BudgetLevel } from "../domain/budget.ts";

type BudgetRow = {
  tenant: string;
  name: string;
  scope: string;
  limit_nano_usd: bigint;
  warn: number;
  critical: number;
  hard: boolean;
};

function toBudget(row: BudgetRow): Budget {
  const { limit_nano_usd, ...rest } = row;
  return { ...rest, limitNanoUsd: limit_nano_usd };
}

export async function upsertBudget(tx: Queryable, budget: Budget): Promise<void> {
  await tx.query(
    `INSERT INTO budget (tenant, name, scope, limit_nano_usd, warn, critical, hard) VALUES ($1, $2, $3, $4, $5, $6, $7)
     ON CONFLICT (tenant, name) DO UPDATE SET scope = EXCLUDED.scope, limit_nano_usd = EXCLUDED.limit_nano_usd,
       warn = EXCLUDED.warn, critical = EXCLUDED.critical, hard = EXCLUDED.hard`,
    [budget.tenant, budget.name, budget.scope, budget.limitNanoUsd, budget.warn, budget.critical, budget.hard],
  );
}

export async function deleteBudget(tx: Queryable, tenant: string, name: string): Promise<void> {
  await tx.query("DELETE FROM budget WHERE tenant = $1 AND name = $2", [tenant, name]);
}

export async function budgetsOf(db: Queryable, tenants: readonly string[]): Promise<Budget[]> {
  const { rows } = await db.query<BudgetRow>("SELECT * FROM budget WHERE tenant = ANY($1) ORDER BY tenant, name", [
    tenants,
  ]);
  return rows.map(toBudget);
}

export type BudgetWithState = Budget & { readonly spentNanoUsd: bigint; readonly heldNanoUsd: bigint };

export async function budgetStates(db: Queryable, tenant: string, periodStart: Date): Promise<BudgetWithState[]> {
  const { rows } = await db.query<BudgetRow & { spent: bigint; held: bigint }>(
    `SELECT b.*, coalesce(s.spent_nano_usd, 0) AS spent, coalesce(s.held_nano_usd, 0) AS held
     FROM budget b LEFT JOIN scope_state s ON s.tenant = b.tenant AND s.scope = b.scope AND s.period_start = $2
     WHERE b.tenant = $1 ORDER BY b.name`,
    [tenant, periodStart],
  );
  return rows.map(({ spent, held, ...row }) => ({ ...toBudget(row), spentNanoUsd: spent, heldNanoUsd: held }));
}

/** Every tenant's budgets with what is spent and held in a month. */
export async function budgetStatesOfAll(db: Queryable, periodStart: Date): Promise<BudgetWithState[]> {
  const { rows } = await db.query<BudgetRow & { spent: bigint; held: bigint }>(
    `SELECT b.*, coalesce(s.spent_nano_usd, 0) AS spent, coalesce(s.held_nano_usd, 0) AS held
     FROM budget b LEFT JOIN scope_state s ON s.tenant = b.tenant AND s.scope = b.scope AND s.period_start = $1`,
    [periodStart],
  );
  return rows.map(({ spent, held, ...row }) => ({ ...toBudget(row), spentNanoUsd: spent, heldNanoUsd: held }));
}

/** Remembers the level a budget reached in a month; answers the one before. Serialised by the caller's scope lock. */
export async function swapLevel(
  tx: Queryable,
  budget: Budget,
  periodStart: Date,
  level: BudgetLevel,
): Promise<BudgetLevel> {
  const { rows } = await tx.query<{ level: BudgetLevel }>(
    "SELECT level FROM budget_level WHERE tenant = $1 AND name = $2 AND period_start = $3",
    [budget.tenant, budget.name, periodStart],
  );
  const before = rows[0]?.level ?? "ok";
  if (before !== level) {
    await tx.query(
      `INSERT INTO budget_level (tenant, name, period_start, level) VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant, name, period_start) DO UPDATE SET level = EXCLUDED.level`,
      [budget.tenant, budget.name, periodStart, level],
    );
  }
  return before;
}
