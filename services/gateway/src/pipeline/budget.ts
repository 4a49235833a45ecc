import { AppError } from "@agentmesh/errors";
import type { Stage } from "./exchange.ts";

/**
 * Turns model work away at the door when a hard budget over the caller is spent. Only a courtesy that saves the way:
 * cost holds money before each model call whatever is decided here, so no news of budgets means go on.
 */
export const budget: Stage = async (context, { method, caller }, next) => {
  if (method.rateClass !== "RUN" || !caller) return next();
  const spent = context.budgets.spentOver(caller.principal);
  if (spent !== undefined) {
    throw new AppError(
      "RESOURCE_EXHAUSTED",
      `the budget ${spent} is spent; raise it with \`meshctl apply\` or wait for its next period`,
      { reason: "BUDGET_EXHAUSTED" },
    );
  }
  return next();
};
