import { AppError } from "@agentmesh/errors";
import type { GetSpendRequest, SpendRow } from "@agentmesh/proto/cost";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { periodStart } from "../domain/budget.ts";
import { type Dimension, dimensionNames, isDimension, type SpendSum, sumSpend } from "../store/spend.ts";

const MAX_ROWS = 1000;

export async function getSpend(context: Context, request: GetSpendRequest, call: Call) {
  const { tenant } = requirePrincipal(call);
  const now = new Date();
  const from = request.from ?? periodStart(now);
  const to = request.to ?? new Date(now.getTime() + 1000);
  const by = request.by.map(dimension);
  const [rows, [total]] = await Promise.all([
    by.length > 0 ? sumSpend(context.db, { tenant, from, to, by, limit: MAX_ROWS }) : [],
    sumSpend(context.db, { tenant, from, to, by: [], limit: 1 }),
  ]);
  return { rows: rows.map((row) => toRow(row, by)), total: total ? toRow(total, []) : {} };
}

function dimension(name: string): Dimension {
  if (isDimension(name)) return name;
  throw new AppError(
    "INVALID_ARGUMENT",
    `cannot group spend by ${JSON.stringify(name)}; choose among ${dimensionNames.join(", ")}`,
    {
      field: "by",
    },
  );
}

function toRow(sum: SpendSum, by: readonly Dimension[]): SpendRow {
  return {
    group: Object.fromEntries(by.map((name, index) => [name, sum.dimensions[index] ?? ""])),
    costNanoUsd: sum.cost,
    calls: sum.calls,
    cacheHits: sum.hits,
    inputTokens: sum.input,
    outputTokens: sum.output,
    savedNanoUsd: sum.saved,
  };
}
