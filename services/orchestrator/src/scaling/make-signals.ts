import type { Usage } from "./kubernetes/read-usage.ts";
import type { Report } from "./measure-process.ts";
import type { Backlog } from "./read-backlog.ts";
import type { SignalName, Signals } from "./score.ts";

/** What was gathered; undefined where that failed. */
export type Gathered = {
  readonly backlog: Backlog | undefined;
  /** Of all replicas of the orchestrator that are alive. */
  readonly reports: readonly Report[] | undefined;
};

export type Load = { readonly signals: Signals; readonly expected: readonly SignalName[] };

/** The load of the runners: steps that wait, for how long, and places taken. */
export function runnerLoad({ backlog, reports }: Gathered, places: number | undefined, usage: Usage | undefined): Load {
  const inCluster: SignalName[] = usage ? ["cpuPercent", "memoryPercent"] : [];
  const claims = total(reports, "claims");
  const results = total(reports, "results");
  const failures = total(reports, "failures");
  return {
    expected: ["queue", "latencyMs", "placesPercent", "errorPercent", ...inCluster],
    signals: known({
      ...usage,
      queue: backlog && waiting(backlog),
      latencyMs: backlog && claims !== undefined ? waitMs(backlog, claims, total(reports, "waitedMs") ?? 0) : undefined,
      placesPercent: backlog && places !== undefined && places > 0 ? (100 * backlog.running) / places : undefined,
      errorPercent:
        results === undefined || failures === undefined
          ? undefined
          : (100 * failures) / Math.max(1, results + failures),
    }),
  };
}

/** The load of the orchestrators: runs they are late with, and what they measured of themselves. */
export function orchestratorLoad({ backlog, reports }: Gathered, usage: Usage | undefined): Load {
  return {
    expected: ["queue", "latencyMs", "connections", "cpuPercent", "memoryPercent"],
    signals: known({
      queue: backlog?.lateRuns,
      latencyMs: backlog?.lateMs,
      connections: mean(reports, "connections"),
      ...(usage ?? { cpuPercent: mean(reports, "cpuPercent"), memoryPercent: mean(reports, "memoryPercent") }),
    }),
  };
}

/** Steps that no runner has taken. */
export function waiting(backlog: Backlog): number {
  return backlog.unclaimed + backlog.byPriority.reduce((sum, { steps }) => sum + steps, 0);
}

// The mean wait of what was claimed says nothing while nothing is claimed; then the oldest that waits does.
function waitMs(backlog: Backlog, claims: number, waitedMs: number): number {
  const oldest = Math.max(backlog.unclaimedMs, ...backlog.byPriority.map(({ oldestS }) => oldestS * 1000));
  return claims > 0 ? waitedMs / claims : oldest;
}

function total(reports: readonly Report[] | undefined, field: keyof Report): number | undefined {
  if (reports === undefined || reports.length === 0) return undefined;
  return reports.reduce((sum, report) => sum + report[field], 0);
}

function mean(reports: readonly Report[] | undefined, field: keyof Report): number | undefined {
  const sum = total(reports, field);
  return sum === undefined || reports === undefined ? undefined : sum / reports.length;
}

function known(figures: { readonly [Name in SignalName]?: number | undefined }): Signals {
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}
