import type { ScalingPolicy } from "./settings.ts";

/**
 * What is known of a deployment's load.
 *
 * - cpuPercent, memoryPercent: of what its pods ask for, the mean over pods
 * - placesPercent: of the places for steps, those taken
 * - queue: what waits for it; latencyMs: for how long
 * - connections: of one replica
 * - errorPercent: of attempts
 */
export const signalNames = [
  "cpuPercent",
  "memoryPercent",
  "placesPercent",
  "queue",
  "latencyMs",
  "connections",
  "errorPercent",
] as const;

export type SignalName = (typeof signalNames)[number];
export type Signals = Readonly<Partial<Record<SignalName, number>>>;

/** A part of the score and why. */
export type Term = { readonly points: number; readonly reason: string };

/** How busy the replicas are: CPU, or places taken where those are more; runners wait for models more than they compute. */
export function busyPercent(signals: Signals): number | undefined {
  const known = [signals.cpuPercent, signals.placesPercent].filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

/** The parts of the composite score, those without points left out. Each grows with its signal, or stays. */
export function scoreTerms(signals: Signals, policy: ScalingPolicy): Term[] {
  const { score, down } = policy;
  const busy = busyPercent(signals);
  const terms: (Term | undefined)[] = [
    around("busy", busy, score.cpu, down.busyPercent),
    around("memory", signals.memoryPercent, score.memory, down.busyPercent),
    step("queue", signals.queue, score.queue.over, score.queue.overWeight),
    stepDown("queue", signals.queue, score.queue.under, score.queue.underWeight),
    step("latency ms", signals.latencyMs, score.latency.overMs, score.latency.overWeight),
    stepDown("latency ms", signals.latencyMs, score.latency.underMs, score.latency.underWeight),
    step("connections", signals.connections, score.connections.over, score.connections.overWeight),
    step("errors %", signals.errorPercent, score.errors.overPercent, score.errors.overWeight),
  ];
  return terms.filter((term) => term !== undefined);
}

/** −weight at `low` and under it, 0 at the target, weight at 100 and over it, straight between. */
function around(
  name: string,
  value: number | undefined,
  { target, weight }: { target: number; weight: number },
  low: number,
): Term | undefined {
  if (value === undefined) return undefined;
  const span = value >= target ? 100 - target : Math.max(1, target - low);
  const points = weight * Math.max(-1, Math.min(1, (value - target) / span));
  return points === 0
    ? undefined
    : { points, reason: `${name} ${round(value)} % against ${target} %: ${signed(points)}` };
}

function step(name: string, value: number | undefined, limit: number, points: number): Term | undefined {
  if (value === undefined || value <= limit || points === 0) return undefined;
  return { points, reason: `${name} ${round(value)} over ${limit}: ${signed(points)}` };
}

function stepDown(name: string, value: number | undefined, limit: number, points: number): Term | undefined {
  if (value === undefined || value >= limit || points === 0) return undefined;
  return { points: -points, reason: `${name} ${round(value)} under ${limit}: ${signed(-points)}` };
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function signed(points: number): string {
  return points > 0 ? `+${round(points)}` : `−${round(-points)}`;
}
