import { totalmem } from "node:os";
import { constrainedMemory, cpuUsage, getActiveResourcesInfo, memoryUsage } from "node:process";
import type { Metrics } from "@agentmesh/telemetry";

/** What one replica of the orchestrator says of itself, since its report before. */
export type Report = {
  /** Of one core: more its event loop cannot use. */
  readonly cpuPercent: number;
  /** Of the memory that the process may have. */
  readonly memoryPercent: number;
  readonly connections: number;
  /** Steps claimed here, and how long they had waited for it in all. */
  readonly claims: number;
  readonly waitedMs: number;
  /** Results that counted, and attempts that went wrong. */
  readonly results: number;
  readonly failures: number;
};

// Attempts that did not end well, as agentmesh_workflow_incidents_total names them.
const FAILURES: readonly unknown[] = ["retried", "timed-out", "taken-over"];

/** Measures this process, from one call to the next. */
export function createProcessMeter(metrics: Metrics): () => Promise<Report> {
  // These exist already: whoever asks for a name again gets the same instrument.
  const wait = metrics.histogram("agentmesh_workflow_step_wait_seconds", "Dispatch to claim of a step");
  const duration = metrics.histogram("agentmesh_workflow_step_duration_seconds", "Claim to result of a step");
  const incidents = metrics.counter("agentmesh_workflow_incidents_total", "What did not go straight", ["kind"]);
  let before = { atMs: performance.now(), cpu: cpuUsage(), claims: 0, waitedS: 0, results: 0, failures: 0 };

  return async () => {
    const [waits, durations, notes] = await Promise.all([wait.get(), duration.get(), incidents.get()]);
    const sum = (values: readonly { metricName?: string; value: number }[], suffix: string) =>
      values.filter(({ metricName }) => metricName?.endsWith(suffix)).reduce((total, { value }) => total + value, 0);
    const now = {
      atMs: performance.now(),
      cpu: cpuUsage(),
      claims: sum(waits.values, "_count"),
      waitedS: sum(waits.values, "_sum"),
      results: sum(durations.values, "_count"),
      failures: notes.values
        .filter(({ labels }) => FAILURES.includes(labels.kind))
        .reduce((total, { value }) => total + value, 0),
    };
    const usedMs = (now.cpu.user - before.cpu.user + now.cpu.system - before.cpu.system) / 1000;
    const report: Report = {
      cpuPercent: (100 * usedMs) / Math.max(1, now.atMs - before.atMs),
      memoryPercent: (100 * memoryUsage.rss()) / memoryLimit(),
      connections: getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length,
      claims: now.claims - before.claims,
      waitedMs: (now.waitedS - before.waitedS) * 1000,
      results: now.results - before.results,
      failures: now.failures - before.failures,
    };
    before = now;
    return report;
  };
}

// Without a limit the kernel answers a figure near 2^64.
function memoryLimit(): number {
  const limit = constrainedMemory();
  return limit > 0 && limit < totalmem() ? limit : totalmem();
}
