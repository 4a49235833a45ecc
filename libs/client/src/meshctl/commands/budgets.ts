import { type BudgetState, ListBudgetStatesReply } from "@agentmesh/proto/cost";
import type { Command } from "../command.ts";
import { percent, usd } from "../money.ts";
import { stateCell } from "../state.ts";
import { printTable } from "../table.ts";

export const budgets: Command = {
  usage: ["budgets"],
  async run(shell) {
    const { out } = shell;
    const { mesh } = await shell.session();
    const reply = await mesh.cost.listBudgetStates({});
    const rows = reply.budgets.map((budget) => [
      budget.name,
      budget.scope,
      stateCell(budget.state),
      usd(budget.limitNanoUsd),
      usd(budget.spentNanoUsd),
      usd(budget.heldNanoUsd),
      usd(leftOf(budget)),
      budget.limitNanoUsd > 0n ? percent(Number(budget.spentNanoUsd) / Number(budget.limitNanoUsd)) : "",
    ]);
    const headings = ["BUDGET", "SCOPE", "STATE", ">LIMIT", ">SPENT", ">HELD", ">LEFT", ">USED"];
    out.answer(ListBudgetStatesReply.toJSON(reply), () =>
      printTable(out, headings, rows, "no budgets: nothing bounds what is spent"),
    );
    return 0;
  },
};

function leftOf({ limitNanoUsd, spentNanoUsd, heldNanoUsd }: BudgetState): bigint {
  const left = limitNanoUsd - spentNanoUsd - heldNanoUsd;
  return left > 0n ? left : 0n;
}
