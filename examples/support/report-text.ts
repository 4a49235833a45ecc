import type { Outcome } from "./judge.ts";
import type { Report } from "./report.ts";

const headings = ["", "ticket", "ended as", "category", "priority", "cost USD", "ms", "answer"];
const maxAnswer = 72;
const nanoPerUsd = 1_000_000_000n;

/** The report for people: a row a ticket, what is wrong beneath it, then the totals. */
export function reportLines(report: Report): string[] {
  const rows = report.outcomes.map(cells);
  const widths = headings.map((heading, column) => {
    return Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0));
  });
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [
    line(headings),
    ...report.outcomes.flatMap((outcome, index) => [
      line(rows[index] ?? []),
      ...outcome.problems.map((problem) => `   ! ${problem}`),
    ]),
    "",
    ...summary(report),
  ];
}

/** The report for programs: one object. Money is in integer nano-USD, as text. */
export function reportJson(report: Report): string {
  return JSON.stringify(report, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value));
}

function summary({ ok, totals, ledger, audit }: Report): string[] {
  const problems = [...ledger.problems, ...audit.problems];
  return [
    `tickets  ${totals.asExpected} of ${totals.tickets} ended as expected in ${(totals.durationMs / 1000).toFixed(1)} s`,
    `cost     ${usd(totals.costNanoUsd)} USD, ${usd(totals.savedNanoUsd)} USD saved by ${totals.cacheHits} cache hits in ${totals.agentRuns} agent runs`,
    `tokens   ${totals.inputTokens} in, ${totals.outputTokens} out, over ${totals.modelCalls} model calls`,
    `ledger   ${ledger.problems.length === 0 ? `one row for each of ${ledger.modelCalls} model calls` : "does not agree"}`,
    `audit    ${audit.verified ? `verified: ${audit.entries} entries, ${audit.checkpoints} checkpoints` : "NOT VERIFIED"}`,
    ...problems.map((problem) => `   ! ${problem}`),
    ok ? "All is as it should be." : "Not as it should be: see the lines that begin with !",
  ];
}

function cells(outcome: Outcome): string[] {
  const ended = outcome.outcome === "triaged" ? outcome.status : `${outcome.outcome}: ${outcome.status}`;
  return [
    outcome.problems.length === 0 ? "ok" : "!",
    outcome.ticket,
    ended,
    outcome.category,
    outcome.priority,
    outcome.runId === "" ? "" : usd(outcome.costNanoUsd),
    outcome.runId === "" ? "" : String(outcome.durationMs),
    excerpt(outcome),
  ];
}

/** The answer's first words behind the greeting, and what it cites. */
function excerpt({ answer, citations }: Outcome): string {
  const flat = answer
    .replace(/^[^\n]{0,40},\s*\n+/, "")
    .replace(/\s+/g, " ")
    .trim();
  const cut = flat.length > maxAnswer ? `${flat.slice(0, maxAnswer - 1)}…` : flat;
  return citations.length === 0 ? cut : `${cut} [${citations.join(", ")}]`;
}

/** Dollars to six decimals: a ticket costs millionths. */
function usd(nanoUsd: bigint): string {
  const micro = (nanoUsd + 500n) / 1000n;
  const perUsd = nanoPerUsd / 1000n;
  return `${micro / perUsd}.${String(micro % perUsd).padStart(6, "0")}`;
}
