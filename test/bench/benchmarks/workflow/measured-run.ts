import type { Measured } from "../../harness/benchmark.ts";
import { hasProcFs, meterCpu } from "../../harness/process-figures.ts";
import { concurrency, workflows } from "./load.ts";

/**
 * Times `run`, which starts `workflows` and returns when all of them ended, and what CPU the named processes used for
 * them, the one that drives the load left out.
 */
export async function measuredRun(
  run: () => Promise<void>,
  pids: Readonly<Record<string, number>>,
  cpuMetric = "cpu_ms",
): Promise<Measured> {
  const cpu = meterCpu(pids);
  const began = performance.now();
  await run();
  const elapsedS = (performance.now() - began) / 1000;
  const used = Object.entries(cpu.since()).filter(([, cpuMs]) => cpuMs > 0);
  const totalMs = used.reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
  const parts = used
    .sort(([, a], [, b]) => b - a)
    .map(([name, cpuMs]) => `${name} ${(cpuMs / workflows).toFixed(2)}`)
    .join(", ");
  return {
    figures: [
      { metric: "workflows_per_s", unit: "1/s", value: workflows / elapsedS },
      ...(hasProcFs ? [{ metric: cpuMetric, unit: "ms", value: totalMs / workflows }] : []),
    ],
    notes: [
      `${workflows} workflows, ${concurrency} starts in flight, ${elapsedS.toFixed(2)} s`,
      ...(hasProcFs ? [`CPU ms per workflow by process: ${parts}`] : []),
    ],
  };
}
