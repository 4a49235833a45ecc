import { errorRateAt, type Instance, latencyAt } from "./instance.ts";
import { instanceAt, isTried, type Policy, type Random } from "./policy.ts";

const FLOOR_MS = 0.1;
// An instance that fails all calls still gets one now and then.
const MIN_SUCCESS = 0.05;

/**
 * The better of two at random by latency × calls under way ÷ success rate³. Two random choices keep many clients from
 * falling on the same best instance at once, which the lowest of all would (Mitzenmacher 2001).
 */
export function adaptive(random: Random, decayMs: number): Policy {
  return (instances, call, nowMs) => {
    const candidates = call.tried === undefined ? instances : instances.filter((each) => !isTried(call, each));
    const count = candidates.length;
    const first = instanceAt(candidates, Math.floor(random() * count));
    if (count === 1) return first;
    const second = otherThan(candidates, first, random);
    const firstMs = latencyAt(first, nowMs, decayMs);
    const secondMs = latencyAt(second, nowMs, decayMs);
    // One without a measurement counts as fast as the other.
    const firstCost = costOf(first, firstMs ?? secondMs ?? 0, nowMs, decayMs);
    return costOf(second, secondMs ?? firstMs ?? 0, nowMs, decayMs) < firstCost ? second : first;
  };
}

function otherThan(candidates: readonly Instance[], first: Instance, random: Random): Instance {
  const drawn = instanceAt(candidates, Math.floor(random() * (candidates.length - 1)));
  return drawn === first ? instanceAt(candidates, candidates.length - 1) : drawn;
}

function costOf(instance: Instance, latencyMs: number, nowMs: number, decayMs: number): number {
  const success = Math.max(MIN_SUCCESS, 1 - errorRateAt(instance, nowMs, decayMs));
  return ((latencyMs + FLOOR_MS) * (instance.inFlight + 1)) / (instance.weight * success ** 3);
}
