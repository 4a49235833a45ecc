// A model of runners under load, second by second, scaled by the real decision. Everything that is random comes from a
// fixed seed, so that a day is the same day each time.
import { type Decision, decide } from "../src/scaling/decide.ts";
import { createRecentLoad } from "../src/scaling/recent-load.ts";
import type { SignalName, Signals } from "../src/scaling/score.ts";
import type { ScalingPolicy } from "../src/scaling/settings.ts";

/** Steps that arrive in each second. */
export type Trace = readonly number[];

export type ModelOptions = {
  readonly trace: Trace;
  readonly policy: ScalingPolicy;
  /** Places of one runner, and how long a step keeps one, in seconds. */
  readonly places: number;
  readonly stepS: number;
  /** From the change of replicas to a pod that takes steps. */
  readonly podStartS: number;
  readonly roundS: number;
  /** Seconds in which no figures are to be had. */
  readonly blind?: { readonly fromS: number; readonly toS: number };
};

export type Change = { readonly atS: number; readonly from: number; readonly decision: Decision };

export type Outcome = {
  readonly changes: readonly Change[];
  /** By second. */
  readonly replicas: readonly number[];
  readonly queue: readonly number[];
};

const EXPECTED: readonly SignalName[] = ["cpuPercent", "memoryPercent", "placesPercent", "queue", "latencyMs"];
const HOUR_S = 3600;
// CPU of a runner whose places are all taken: it mostly waits for models.
const FULL_CPU_PERCENT = 60;
const BASE_MEMORY_PERCENT = 45;

export function simulate(options: ModelOptions): Outcome {
  const { trace, policy, places, stepS, podStartS, roundS, blind } = options;
  const recent = createRecentLoad(policy.down.afterS * 1000);
  const changes: Change[] = [];
  const replicasBySecond: number[] = [];
  const queueBySecond: number[] = [];
  let pods = Array.from({ length: policy.minReplicas }, () => 0);
  let queue = 0;
  let running = 0;
  for (const [atS, arrivals] of trace.entries()) {
    const ready = pods.filter((readyAtS) => readyAtS <= atS).length;
    running -= running / stepS;
    const taken = Math.min(queue + arrivals, Math.max(0, ready * places - running));
    queue = Math.max(0, queue + arrivals - taken);
    running += taken;
    replicasBySecond.push(pods.length);
    queueBySecond.push(queue);
    if (atS % roundS !== 0) continue;
    const busyPercent = (100 * running) / Math.max(1, ready * places);
    const isBlind = blind !== undefined && atS >= blind.fromS && atS < blind.toS;
    const signals: Signals = {
      cpuPercent: (FULL_CPU_PERCENT * busyPercent) / 100,
      memoryPercent: BASE_MEMORY_PERCENT + busyPercent / 4,
      placesPercent: busyPercent,
      ...(!isBlind && { queue, latencyMs: (1000 * queue * stepS) / Math.max(1, ready * places) }),
    };
    const nowMs = atS * 1000;
    if (isBlind) recent.forget();
    const peaks = isBlind ? undefined : recent.add(signals, nowMs);
    const changedAtS = changes.at(-1)?.atS;
    const changedAtMs = changedAtS === undefined ? undefined : changedAtS * 1000;
    const decision = decide({ signals, peaks, expected: EXPECTED, replicas: pods.length, changedAtMs, nowMs }, policy);
    const { target } = decision;
    if (target === pods.length) continue;
    changes.push({ atS, from: pods.length, decision });
    const started = Array.from({ length: Math.max(0, target - pods.length) }, () => atS + podStartS);
    // Kubernetes takes away first what is not ready.
    pods = [...pods, ...started].toSorted((a, b) => a - b).slice(0, target);
  }
  return { changes, replicas: replicasBySecond, queue: queueBySecond };
}

/** Days from trough to peak and back in steps a second, with bursts on top, as a Poisson process. */
export function dailyTrace(options: {
  readonly days: number;
  readonly trough: number;
  readonly peak: number;
  readonly bursts: readonly { readonly atHour: number; readonly minutes: number; readonly times: number }[];
  readonly seed: number;
}): Trace {
  const { days, trough, peak, bursts, seed } = options;
  const random = seeded(seed);
  return Array.from({ length: days * 24 * HOUR_S }, (_, atS) => {
    const hour = (atS / HOUR_S) % 24;
    const diurnal = trough + ((peak - trough) * (1 - Math.cos((2 * Math.PI * hour) / 24))) / 2;
    const burst = bursts.find(({ atHour, minutes }) => hour >= atHour && hour < atHour + minutes / 60);
    return poisson(diurnal * (burst?.times ?? 1), random);
  });
}

/** How often scaling turned round, up to down or down to up, in the worst hour. */
export function turnsInWorstHour(changes: readonly Change[]): number {
  const turns = changes.filter(({ decision }, index) => {
    const before = changes[index - 1];
    return before !== undefined && before.decision.direction !== decision.direction;
  });
  return Math.max(
    0,
    ...turns.map(({ atS }) => turns.filter((other) => other.atS >= atS && other.atS < atS + HOUR_S).length),
  );
}

// mulberry32: small, and the same on every machine.
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function poisson(mean: number, random: () => number): number {
  const limit = Math.exp(-Math.min(mean, 700));
  let count = 0;
  for (let product = random(); product > limit; product *= random()) count++;
  return count;
}
