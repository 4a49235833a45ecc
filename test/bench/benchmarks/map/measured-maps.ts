import type { Figure, Measured } from "../../harness/benchmark.ts";
import { hasProcFs, meterCpu, peakResidentMbOf, residentMbOf } from "../../harness/process-figures.ts";
import { withCount } from "../../harness/with-count.ts";
import type { Load } from "./load.ts";

const usualItems = 1_000;

/** Metrics of another number of items are others. */
export function figureOf(load: Load, metric: string, unit: string, value: number): Figure {
  return { metric: load.items === usualItems ? metric : withCount(metric, load.items), unit, value };
}

export type Processes = {
  /** Whose CPU counts, by name. */
  readonly pids: Readonly<Record<string, number>>;
  /** Whose memory is told. */
  readonly keeper: number;
};

/** Times maps, one after the other, and the CPU of an item in the named processes, the one that drives them left out. */
export async function measuredMaps(load: Load, oneMap: () => Promise<void>, processes: Processes): Promise<Measured> {
  const cpu = meterCpu(processes.pids);
  const began = performance.now();
  for (let at = 0; at < load.maps; at++) await oneMap();
  const elapsedS = (performance.now() - began) / 1000;
  const total = load.items * load.maps;
  const used = Object.entries(cpu.since()).filter(([, cpuMs]) => cpuMs > 0);
  const totalMs = used.reduce((sum, [, cpuMs]) => sum + cpuMs, 0);
  const parts = used
    .sort(([, a], [, b]) => b - a)
    .map(([name, cpuMs]) => `${name} ${(cpuMs / total).toFixed(3)}`)
    .join(", ");
  const figures = [figureOf(load, "items_per_s", "1/s", total / elapsedS)];
  const notes = [`${load.maps} maps of ${load.items} items, one after the other, ${elapsedS.toFixed(2)} s`];
  if (!hasProcFs) return { figures, notes };
  return {
    figures: [
      ...figures,
      figureOf(load, "cpu_ms", "ms", totalMs / total),
      figureOf(load, "rss_mb", "MB", residentMbOf(processes.keeper)),
    ],
    notes: [
      ...notes,
      `CPU ms per item by process: ${parts}`,
      `memory at most ${peakResidentMbOf(processes.keeper).toFixed(0)} MB`,
    ],
  };
}
