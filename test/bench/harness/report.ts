import type { Subject } from "./benchmark.ts";
import type { Outcome, Result } from "./measure.ts";

const own = "agentmesh";

/** One JSON object a line. */
export function renderJson(bench: string, outcome: Outcome): string {
  return outcome.results.map((result) => `${JSON.stringify({ bench, ...rounded(result) })}\n`).join("");
}

function rounded(result: Result): Result {
  const round = (value: number) => Number(value.toPrecision(5));
  return { ...result, median: round(result.median), min: round(result.min), max: round(result.max) };
}

/** A table a metric, with the ratio of the mesh to each other subject in the same run. */
export function renderTables(outcome: Outcome, subjects: readonly Subject[]): string {
  const metrics = [...new Set(outcome.results.map((result) => result.metric))];
  const lines = metrics.flatMap((metric) => renderMetric(outcome.results.filter((result) => result.metric === metric)));
  lines.push("measured");
  for (const subject of subjects) {
    const failure = outcome.failures.get(subject.name);
    lines.push(`  ${subject.name}: ${subject.what}${failure ? ` - FAILED: ${failure.split("\n")[0]}` : ""}`);
    for (const note of outcome.notes.get(subject.name) ?? []) lines.push(`    ${note}`);
  }
  return `${lines.join("\n")}\n`;
}

function renderMetric(results: readonly Result[]): string[] {
  const [first] = results;
  const ours = results.find((result) => result.subject === own);
  const rows = results.map((result) => [
    result.subject,
    digits(result.median),
    `${digits(result.min)} - ${digits(result.max)}`,
    ours && result !== ours ? `${own} is ${digits(ours.median / result.median)} x this` : "",
  ]);
  const head = ["subject", "median", "range", ""];
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const render = (row: readonly string[]) =>
    `  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join("  ")}`.trimEnd();
  return [`${first?.metric} (${first?.unit}), ${first?.repeats} repeats`, render(head), ...rows.map(render), ""];
}

/** Three significant digits, never as a power of ten. */
export function digits(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US").replaceAll(",", " ");
  return String(Number(value.toPrecision(3)));
}
