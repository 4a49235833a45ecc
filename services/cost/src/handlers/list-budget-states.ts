import type { ListBudgetStatesReply } from "@agentmesh/proto/cost";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { levelOf, periodStart } from "../domain/budget.ts";
import { budgetStates } from "../store/budgets.ts";

export async function listBudgetStates(context: Context, call: Call): Promise<ListBudgetStatesReply> {
  const month = periodStart(new Date());
  const budgets = await budgetStates(context.db, requirePrincipal(call).tenant, month);
  return {
    budgets: budgets.map((budget) => ({
      name: budget.name,
      scope: budget.scope,
      limitNanoUsd: budget.limitNanoUsd,
      spentNanoUsd: budget.spentNanoUsd,
      heldNanoUsd: budget.heldNanoUsd,
      state: levelOf(budget, budget.spentNanoUsd),
      periodStart: month,
    })),
  };
}
