import { Spend, SpendRow } from "@agentmesh/proto/cost";
import type { Command } from "../command.ts";
import { count, percent, usd } from "../money.ts";
import { type Cell, printTable } from "../table.ts";
import { UsageError } from "../usage-error.ts";

const UNIT_MS = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

export const cost: Command = {
  usage: ["cost [--by a,b] [--since WHEN] [--until WHEN]"],
  about:
    "What was spent this month, or in another period. WHEN is a date (2026-11-01) or a time ago (90m, 12h, 7d, 4w).",
  options: {
    by: { value: "a,b", about: "Any of department, project, agent, model, subject, day; default agent" },
    since: { value: "WHEN", about: "Default: the start of this month" },
    until: { value: "WHEN", about: "Default: now" },
  },
  examples: ["cost --by department,model", "cost --by day --since 7d"],
  async run(shell, args) {
    const { out } = shell;
    const by = (args.text("by") ?? "agent").split(",").map((name) => name.trim());
    const now = new Date();
    const from = moment("since", args.text("since"), now);
    const to = moment("until", args.text("until"), now);
    const { mesh } = await shell.session();
    const spend = await mesh.cost.getSpend({ by, ...(from && { from }), ...(to && { to }) });
    const headings = [
      ...by.map((name) => name.toUpperCase()),
      ">COST",
      ">CALLS",
      ">CACHED",
      ">TOKENS IN",
      ">OUT",
      ">SAVED",
    ];
    const rows: Cell[][] = spend.rows.map((row) => [...by.map((name) => row.group[name] || "-"), ...figures(row)]);
    const total = figures(spend.total ?? SpendRow.fromPartial({}));
    const last: Cell[] = [...by.map((_, index) => (index === 0 ? "total" : "")), ...total];
    out.answer(Spend.toJSON(spend), () =>
      printTable(out, headings, rows.length > 0 ? [...rows, last.map(bold)] : [], "nothing was spent in this period"),
    );
    return 0;
  },
};

function figures(row: SpendRow): string[] {
  return [
    usd(row.costNanoUsd),
    count(row.calls),
    row.calls > 0n ? percent(Number(row.cacheHits) / Number(row.calls)) : "",
    count(row.inputTokens),
    count(row.outputTokens),
    usd(row.savedNanoUsd),
  ];
}

function bold(cell: Cell): Cell {
  return typeof cell === "string" ? { text: cell, style: "bold" } : cell;
}

function moment(option: string, text: string | undefined, now: Date): Date | undefined {
  if (text === undefined) return undefined;
  const [, amount, unit] = /^(\d+)([mhdw])$/.exec(text) ?? [];
  if (unit === "m" || unit === "h" || unit === "d" || unit === "w") {
    return new Date(now.getTime() - Number(amount) * UNIT_MS[unit]);
  }
  const date = new Date(text);
  if (!Number.isNaN(date.getTime())) return date;
  throw new UsageError(
    `--${option} ${JSON.stringify(text)}: expected a date such as 2026-11-01, or a time ago such as 12h or 7d`,
  );
}
