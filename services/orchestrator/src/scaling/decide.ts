import { busyPercent, round, type SignalName, type Signals, scoreTerms, type Term } from "./score.ts";
import type { ScalingPolicy } from "./settings.ts";

export type Situation = {
  readonly signals: Signals;
  /** The highest of each signal over the last `down.afterS`; undefined: nobody has looked on for as long. */
  readonly peaks: Signals | undefined;
  /** Signals that this deployment must have; without one of them nothing is decided. */
  readonly expected: readonly SignalName[];
  /** undefined: nobody knows. */
  readonly replicas: number | undefined;
  /** When the replicas last changed, whoever did it. */
  readonly changedAtMs: number | undefined;
  readonly nowMs: number;
};

/** What keeps the replicas as they are although the load asks for a change. */
export type HeldBy = "cooldown" | "max" | "min" | "missing-data" | "errors" | "recent-load" | "scaled-to-zero";

export type Decision = {
  /** What there should be now; 0 when nobody knows what there is. */
  readonly target: number;
  readonly direction: "up" | "down" | "hold";
  readonly score: number;
  /** In words: what spoke for and against, then what held it back. */
  readonly reasons: readonly string[];
  readonly heldBy?: HeldBy;
};

/**
 * How many replicas a deployment should have. Two rules speak, either is enough, and up wins over down:
 *
 * | rule       | up                    | down                   |
 * |------------|-----------------------|------------------------|
 * | thresholds | busy or queue is over | busy and queue are under |
 * | score      | sum over `upOver`     | sum under `downUnder`  |
 *
 * Held back, in this order: at 0 replicas somebody switched it off; outside its bounds it goes to the nearer one at
 * once; without all signals, in the cooldown and at a bound it stays, and it does not go down while errors are many or
 * the peaks of the last minutes do not ask for it. More load never gives fewer replicas.
 */
export function decide(situation: Situation, policy: ScalingPolicy): Decision {
  const { signals, expected, replicas, changedAtMs, nowMs } = situation;
  const { minReplicas, maxReplicas } = policy;
  const terms = scoreTerms(signals, policy);
  const score = scoreOf(terms);
  const reasons = terms.map((term) => term.reason);
  const stay = (at: number, heldBy: HeldBy, why: string): Decision => ({
    target: at,
    direction: "hold",
    score,
    reasons: [...reasons, why],
    heldBy,
  });

  if (replicas === undefined) return stay(0, "missing-data", "held: how many replicas there are is not known");
  if (replicas === 0) return stay(0, "scaled-to-zero", "held: 0 replicas mean that somebody switched it off");
  if (replicas < minReplicas || replicas > maxReplicas) {
    const target = Math.min(maxReplicas, Math.max(minReplicas, replicas));
    const why = `${replicas} replicas are outside of ${minReplicas} to ${maxReplicas}`;
    return { target, direction: target > replicas ? "up" : "down", score, reasons: [...reasons, why] };
  }
  const missing = expected.filter((name) => !isKnown(signals[name]));
  if (missing.length > 0) return stay(replicas, "missing-data", `held: no figure for ${missing.join(", ")}`);

  const wish = wishOf(signals, score, policy);
  reasons.push(...wish.reasons);
  if (wish.direction === "hold") return { target: replicas, direction: "hold", score, reasons };
  const kept = wish.direction === "down" ? keptUp(situation, policy) : undefined;
  if (kept) return stay(replicas, ...kept);
  const waitS = changedAtMs === undefined ? 0 : policy.cooldownS - Math.max(0, nowMs - changedAtMs) / 1000;
  if (waitS > 0) return stay(replicas, "cooldown", `held: cooldown for ${Math.ceil(waitS)} s more`);
  const step = wish.direction === "up" ? policy.up.replicas : -policy.down.replicas;
  const target = Math.min(maxReplicas, Math.max(minReplicas, replicas + step));
  if (target !== replicas) return { target, direction: wish.direction, score, reasons };
  return wish.direction === "up"
    ? stay(replicas, "max", `held: ${maxReplicas} is the most`)
    : stay(replicas, "min", `held: ${minReplicas} is the least`);
}

/** What speaks against going down although the load of this moment is low. */
function keptUp({ signals, peaks }: Situation, policy: ScalingPolicy): [HeldBy, string] | undefined {
  const { overPercent } = policy.score.errors;
  if ((signals.errorPercent ?? 0) > overPercent) {
    return ["errors", `held: over ${overPercent} % errors are no sign of too many replicas`];
  }
  const { afterS } = policy.down;
  if (peaks === undefined) return ["recent-load", `held: the load has not been watched for ${afterS} s yet`];
  if (wishOf(peaks, scoreOf(scoreTerms(peaks, policy)), policy).direction === "down") return undefined;
  return ["recent-load", `held: the load was higher within the last ${afterS} s`];
}

function scoreOf(terms: readonly Term[]): number {
  return terms.reduce((sum, term) => sum + term.points, 0);
}

type Wish = { readonly direction: "up" | "down" | "hold"; readonly reasons: readonly string[] };

function wishOf(signals: Signals, score: number, policy: ScalingPolicy): Wish {
  const { up, down } = policy;
  const busy = busyPercent(signals);
  const queue = signals.queue;
  const forUp: string[] = [];
  if (busy !== undefined && busy > up.busyPercent) forUp.push(`up: busy ${round(busy)} % is over ${up.busyPercent} %`);
  if (queue !== undefined && queue > up.queue) forUp.push(`up: queue ${round(queue)} is over ${up.queue}`);
  if (score > policy.score.upOver) forUp.push(`up: score ${round(score)} is over ${policy.score.upOver}`);
  if (forUp.length > 0) return { direction: "up", reasons: forUp };
  const forDown: string[] = [];
  if (busy !== undefined && queue !== undefined && busy < down.busyPercent && queue < down.queue) {
    forDown.push(
      `down: busy ${round(busy)} % and queue ${round(queue)} are under ${down.busyPercent} % and ${down.queue}`,
    );
  }
  if (score < policy.score.downUnder) forDown.push(`down: score ${round(score)} is under ${policy.score.downUnder}`);
  return { direction: forDown.length > 0 ? "down" : "hold", reasons: forDown };
}

function isKnown(value: number | undefined): boolean {
  return value !== undefined && Number.isFinite(value) && value >= 0;
}
