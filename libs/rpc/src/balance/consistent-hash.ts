import { hashOf, mix } from "./hash.ts";
import type { Instance } from "./instance.ts";
import { instanceAt, isTried, type Policy } from "./policy.ts";

/**
 * Rendezvous hashing with bounded loads: a key belongs to the instance that scores highest for it, so an instance that
 * joins or leaves moves only its own keys (1/n of all), with no ring to build. One whose calls under way are above
 * `loadFactor` times the mean passes a key on to the next in that key's own order, so a hot key spreads only as far as
 * it must (Mirrokni, Thorup, Zadimoghaddam 2018).
 */
export function consistentHash(withoutKey: Policy, loadFactor: number): Policy {
  return (instances, call, nowMs) => {
    if (call.key === undefined) return withoutKey(instances, call, nowMs);
    let inFlight = 1;
    let weights = 0;
    const firstWeight = instances[0]?.weight;
    let isEven = true;
    for (const instance of instances) {
      isEven &&= instance.weight === firstWeight;
      inFlight += instance.inFlight;
      weights += instance.weight;
    }
    const mean = inFlight / weights;
    const keyHash = hashOf(call.key);
    let best: Instance | undefined;
    let bestScore = Number.NEGATIVE_INFINITY;
    for (const instance of instances) {
      // At least one is at or below the mean, hence below its bound.
      if (instance.inFlight >= Math.ceil(loadFactor * mean * instance.weight) || isTried(call, instance)) continue;
      const hash = mix(keyHash ^ instance.hash);
      // Both order equal weights alike, and only the hash is cheap.
      const score = isEven ? hash : weighted(hash, instance.weight);
      if (score > bestScore) {
        best = instance;
        bestScore = score;
      }
    }
    // All that have room were tried already.
    return best ?? instances.find((instance) => !isTried(call, instance)) ?? instanceAt(instances, 0);
  };
}

/** Weighted rendezvous (Schindelhauer, Schomaker 2005). */
function weighted(hash: number, weight: number): number {
  return -weight / Math.log((hash + 0.5) / 0x1_0000_0000);
}
