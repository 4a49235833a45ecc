import type { Received } from "@agentmesh/bus";
import type { BudgetThresholdCrossed } from "@agentmesh/proto/cost";
import type { Sample } from "../domain/samples.ts";

/** The share of the limit that is spent. A limit of nothing is spent whole. */
export function onBudgetThresholdCrossed({ tenant, time, data }: Received<BudgetThresholdCrossed>): Sample[] {
  const { budget, scope, limitNanoUsd, spentNanoUsd } = data;
  const value = limitNanoUsd > 0n ? Number(spentNanoUsd) / Number(limitNanoUsd) : 1;
  return [{ tenant, series: "budget", labels: { budget, scope }, at: time ?? new Date(), value }];
}
