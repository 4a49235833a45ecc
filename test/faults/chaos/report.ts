import type { Arguments } from "./arguments.ts";
import type { ChaosResult } from "./run-chaos.ts";

const mostNamed = 40;

/** What happened and what is wrong, for people. */
export function renderResult(given: Arguments, { kills, freezes, figures, problems, tookMs }: ChaosResult): string {
  const killed = [...kills].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => `${name} ${count}`);
  const counted = Object.entries(figures).map(([name, count]) => `${name} ${count}`);
  const lines = [
    `${given.workflows} workflows, ${given.kills} kills, ${freezes} freezes, seed ${given.seed}, ${Math.round(tookMs / 1000)} s`,
    `killed: ${killed.join(", ")}`,
    `stored: ${counted.join(", ")}`,
    problems.length === 0 ? "nothing lost, nothing done twice, all undone in order, the books agree" : "",
    ...problems.slice(0, mostNamed).map((problem) => `PROBLEM ${problem}`),
    ...(problems.length > mostNamed ? [`and ${problems.length - mostNamed} more`] : []),
  ];
  return lines.filter((line) => line !== "").join("\n");
}
