import type { Ejection } from "./outliers.ts";
import type { Balance } from "./settings.ts";

export type BalanceMetrics = {
  picked(address: string, count: number): void;
  ejected(address: string, cause: Ejection): void;
};

// Pods come and go under new addresses; a label for each that ever was would grow without end.
const MAX_LABELS = 32;

export function balanceMetrics({ metrics, target = "" }: Balance): BalanceMetrics | undefined {
  if (!metrics) return undefined;
  const picks = metrics.counter("agentmesh_rpc_picks_total", "Calls sent, by target and instance", [
    "target",
    "instance",
  ]);
  const ejections = metrics.counter(
    "agentmesh_rpc_ejections_total",
    "Times an instance was taken out for its errors, by target, instance and cause",
    ["target", "instance", "cause"],
  );
  const labelled = new Set<string>();
  function labelOf(address: string): string {
    if (labelled.size < MAX_LABELS) labelled.add(address);
    return labelled.has(address) ? address : "other";
  }
  return {
    picked: (address, count) => picks.inc({ target, instance: labelOf(address) }, count),
    ejected: (address, cause) => ejections.inc({ target, instance: labelOf(address), cause }),
  };
}
