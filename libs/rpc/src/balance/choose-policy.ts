import { adaptive } from "./adaptive.ts";
import { consistentHash } from "./consistent-hash.ts";
import { leastConnections, leastResponseTime } from "./least.ts";
import type { Policy, Random } from "./policy.ts";
import { roundRobin, weightedRoundRobin } from "./round-robin.ts";
import type { BalanceSettings } from "./settings.ts";

export const DEFAULT_DECAY_MS = 10_000;

export function policyOf(settings: BalanceSettings, random: Random): Policy {
  const { policy, decayMs = DEFAULT_DECAY_MS, loadFactor = 1.25 } = settings;
  switch (policy) {
    case "round_robin":
      return roundRobin(random);
    case "weighted_round_robin":
      return weightedRoundRobin();
    case "least_connections":
      return leastConnections(random);
    case "least_response_time":
      return leastResponseTime(random, decayMs);
    case "consistent_hash":
      return consistentHash(weightedRoundRobin(), Math.max(1, loadFactor));
    case "adaptive":
      return adaptive(random, decayMs);
    default:
      return policy satisfies never;
  }
}
