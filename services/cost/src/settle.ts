import { emit } from "@agentmesh/bus";
import type { Transaction } from "@agentmesh/postgres";
import { budgetThresholdCrossedEvent } from "@agentmesh/proto/cost.contract";
import type { Context } from "./context.ts";
import { isWorse, levelOf, periodStart, scopesOf } from "./domain/budget.ts";
import { budgetsOf, swapLevel } from "./store/budgets.ts";
import { takeHolds } from "./store/holds.ts";
import { type LedgerEntry, lockLedger, writeLedger } from "./store/ledger.ts";
import { addToScopes, lockScopes, type ScopeChange, scopeId } from "./store/scope-state.ts";

/**
 * Writes ledger rows and moves their money from held to spent, each attempt once: a repeat changes nothing, and a
 * settlement that comes after its hold was estimated replaces the estimate and corrects what was spent.
 */
export async function settle(
  context: Pick<Context, "metrics">,
  tx: Transaction,
  entries: readonly LedgerEntry[],
): Promise<void> {
  const unique = [...new Map(entries.map((entry) => [keyOf(entry), entry])).values()];
  if (unique.length === 0) return;
  const keys = unique.map((entry) => ({ tenant: entry.tenant, attemptId: entry.attempt_id }));
  // Scopes first, in their one order, as holds do: two transactions never wait for each other crosswise.
  const states = await lockScopes(tx, unique.flatMap(scopesOfEntry));
  const standing = new Map((await lockLedger(tx, unique)).map((entry) => [keyOf(entry), entry]));
  const holds = await takeHolds(tx, keys);
  const written = unique.filter((entry) => replaces(entry, standing.get(keyOf(entry))));
  await writeLedger(tx, written);
  const released: ScopeChange[] = holds.flatMap((hold) =>
    scopesOf(hold).map((scope) => ({
      tenant: hold.tenant,
      scope,
      periodStart: hold.period_start,
      spentNanoUsd: 0n,
      heldNanoUsd: -hold.held_nano_usd,
    })),
  );
  const spent: ScopeChange[] = written.flatMap((entry) => {
    const before = standing.get(keyOf(entry))?.cost_nano_usd ?? 0n;
    return scopesOfEntry(entry).map((key) => ({ ...key, spentNanoUsd: entry.cost_nano_usd - before, heldNanoUsd: 0n }));
  });
  await addToScopes(tx, [...released, ...spent]);
  for (const change of spent) {
    const state = states.get(scopeId(change.tenant, change.scope, change.periodStart));
    if (state) state.spent_nano_usd += change.spentNanoUsd;
  }
  await announceLevels(tx, [...new Set(unique.map((entry) => entry.tenant))], states);
  for (const entry of written) {
    context.metrics.charged(entry.provider, entry.model, entry.kind, entry.cost_nano_usd);
    if (entry.cache_hit) context.metrics.spared(entry.model, entry.saved_nano_usd);
  }
}

function replaces(entry: LedgerEntry, standing: LedgerEntry | undefined): boolean {
  return standing === undefined || (standing.kind === "estimated" && entry.kind === "settled");
}

function keyOf(entry: { tenant: string; attempt_id: string }): string {
  return `${entry.tenant}\n${entry.attempt_id}`;
}

function scopesOfEntry(entry: LedgerEntry) {
  const month = periodStart(entry.at);
  return scopesOf(entry).map((scope) => ({ tenant: entry.tenant, scope, periodStart: month }));
}

/** An event for each budget that reached a worse level than it had announced this month. */
async function announceLevels(
  tx: Transaction,
  tenants: readonly string[],
  states: Awaited<ReturnType<typeof lockScopes>>,
): Promise<void> {
  for (const budget of await budgetsOf(tx, tenants)) {
    for (const state of states.values()) {
      if (state.tenant !== budget.tenant || state.scope !== budget.scope) continue;
      const level = levelOf(budget, state.spent_nano_usd);
      const before = level === "ok" ? level : await swapLevel(tx, budget, state.period_start, level);
      if (!isWorse(level, before)) continue;
      await emit(tx, budgetThresholdCrossedEvent, {
        tenant: budget.tenant,
        data: {
          budget: budget.name,
          scope: budget.scope,
          threshold: level,
          limitNanoUsd: budget.limitNanoUsd,
          spentNanoUsd: state.spent_nano_usd,
          periodStart: state.period_start,
        },
      });
    }
  }
}
