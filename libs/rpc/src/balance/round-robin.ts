import type { Instance } from "./instance.ts";
import { instanceAt, isTried, type Policy, type Random } from "./policy.ts";

/** Each in turn, from a random start so that clients that start together do not move in step. */
export function roundRobin(random: Random): Policy {
  let next = Math.floor(random() * 0x1_0000);
  return (instances, call) => {
    for (let skipped = 0; skipped < instances.length; skipped++) {
      const instance = instanceAt(instances, next++);
      if (!isTried(call, instance)) return instance;
    }
    return instanceAt(instances, next++);
  };
}

/**
 * nginx's smooth weighted round robin: exact in every span of as many calls as the weights add up to, and spread, so
 * that weights of 5:1:1 give a a b a c a a and not five in a row.
 */
export function weightedRoundRobin(): Policy {
  let known: readonly Instance[] = [];
  let credit: number[] = [];
  return (instances, call) => {
    if (instances !== known) {
      const before = new Map(known.map((instance, place) => [instance, credit[place] ?? 0]));
      credit = instances.map((instance) => before.get(instance) ?? 0);
      known = instances;
    }
    let total = 0;
    let best = -1;
    let bestCredit = Number.NEGATIVE_INFINITY;
    for (let place = 0; place < instances.length; place++) {
      const instance = instanceAt(instances, place);
      total += instance.weight;
      const earned = (credit[place] ?? 0) + instance.weight;
      credit[place] = earned;
      if (earned > bestCredit && !isTried(call, instance)) {
        best = place;
        bestCredit = earned;
      }
    }
    credit[best] = bestCredit - total;
    return instanceAt(instances, best);
  };
}
