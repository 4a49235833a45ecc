import { type Bus, publishSnapshots, type SnapshotRow } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import type { Context } from "./context.ts";
import { levelOf, periodStart } from "./domain/budget.ts";
import { type BudgetWithState, budgetStatesOfAll } from "./store/budgets.ts";

const TOPIC = "budget_states";

/**
 * Tells the edge which budgets are spent, so that it can turn work away before it costs a hold. Looked at every
 * `sweepMs`; only what changed is published. Holds stay exact whatever the edge knows.
 */
export async function publishBudgetStates(context: Context, bus: Bus, sweepMs: number): Promise<AsyncDisposable> {
  const known = new Map<string, string>();

  async function load(now: Date): Promise<SnapshotRow[]> {
    const budgets = await budgetStatesOfAll(context.db, periodStart(now));
    return budgets.map((budget) => rowOf(budget, now));
  }

  const publisher = await publishSnapshots(bus, TOPIC, () => load(new Date()));

  async function publishChanges(): Promise<void> {
    const now = new Date();
    const rows = await load(now);
    const gone = [...known.keys()].filter((key) => !rows.some((row) => row.key === key));
    for (const row of [...rows, ...gone.map((key) => ({ key, version: now.getTime(), value: undefined }))]) {
      const text = JSON.stringify(row.value);
      if (known.get(row.key) === text) continue;
      await publisher.put(row);
      if (row.value === undefined) known.delete(row.key);
      else known.set(row.key, text);
    }
  }

  let running = Promise.resolve();
  const timer = setInterval(() => {
    running = running
      .then(publishChanges)
      .catch((error) => context.log.warn({ reason: describeError(error) }, "budget states not published"));
  }, sweepMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
      await publisher[Symbol.asyncDispose]();
    },
  };
}

/** Levels go up and, with the month, down again: the later look is the newer version. */
function rowOf(budget: BudgetWithState, now: Date): SnapshotRow {
  const { tenant, name, scope, hard } = budget;
  const state = levelOf(budget, budget.spentNanoUsd);
  return { key: `${tenant}.${name}`, version: now.getTime(), value: { name, scope, hard, state } };
}
