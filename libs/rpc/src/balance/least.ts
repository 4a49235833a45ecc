import { type Instance, latencyAt } from "./instance.ts";
import { instanceAt, isTried, type Policy, type Random } from "./policy.ts";

// Below this two instances are equally fast; it also keeps the calls under way in the product when latencies fade to 0.
const FLOOR_MS = 0.1;

/** The fewest calls under way for its weight; ties go round. */
export function leastConnections(random: Random): Policy {
  let start = Math.floor(random() * 0x1_0000);
  return (instances, call) => {
    start++;
    return cheapest(instances, start, (instance) =>
      isTried(call, instance) ? Number.POSITIVE_INFINITY : (instance.inFlight + 1) / instance.weight,
    );
  };
}

/**
 * The lowest latency times calls under way. An instance without a measurement counts as fast as the mean of the others:
 * it gets its part at once, but not all calls.
 */
export function leastResponseTime(random: Random, decayMs: number): Policy {
  let start = Math.floor(random() * 0x1_0000);
  return (instances, call, nowMs) => {
    start++;
    let sumMs = 0;
    let measured = 0;
    for (const instance of instances) {
      const latencyMs = latencyAt(instance, nowMs, decayMs);
      if (latencyMs === undefined) continue;
      sumMs += latencyMs;
      measured++;
    }
    const meanMs = measured === 0 ? 0 : sumMs / measured;
    return cheapest(instances, start, (instance) => {
      if (isTried(call, instance)) return Number.POSITIVE_INFINITY;
      const latencyMs = latencyAt(instance, nowMs, decayMs) ?? meanMs;
      return ((latencyMs + FLOOR_MS) * (instance.inFlight + 1)) / instance.weight;
    });
  };
}

function cheapest(instances: readonly Instance[], start: number, costOf: (instance: Instance) => number): Instance {
  let best = instanceAt(instances, start);
  let bestCost = costOf(best);
  for (let i = 1; i < instances.length; i++) {
    const instance = instanceAt(instances, start + i);
    const cost = costOf(instance);
    if (cost < bestCost) {
      best = instance;
      bestCost = cost;
    }
  }
  return best;
}
