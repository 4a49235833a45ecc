import { type Balancer, createBalancer } from "../src/balance/balancer.ts";
import { createInstance, type Instance } from "../src/balance/instance.ts";
import type { PickCall } from "../src/balance/policy.ts";
import type { BalanceSettings } from "../src/balance/settings.ts";

/** mulberry32: the same numbers in every run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function callFor(key?: string): PickCall {
  return { key, streaming: false, tried: undefined };
}

/** Instances named a, b, c, … with these weights. */
export function instancesOf(weights: readonly number[]): Instance[] {
  return weights.map((weight, i) => createInstance(`${String.fromCharCode(97 + i)}:1`, weight));
}

export function balancerOf(settings: BalanceSettings, instances: readonly Instance[], seed = 1): Balancer {
  const balancer = createBalancer({ settings, random: seeded(seed) });
  balancer.setInstances(instances, instances, 0);
  return balancer;
}

/** How one instance behaves in a simulation. */
export type Behaviour = { readonly serviceMs: number; readonly failing?: boolean };

/** What came of it, per instance in order. */
export type Served = { readonly picks: number; readonly mostInFlight: number };

type Event = { readonly atMs: number; readonly end: () => void };

/** A simulated clock: calls arrive at random around `everyMs` and take each instance's time, one thousandth jitter. */
export function simulate(
  balancer: Balancer,
  instances: readonly Instance[],
  behaviours: readonly Behaviour[],
  { calls, everyMs, seed = 7, key }: { calls: number; everyMs: number; seed?: number; key?: () => string },
): Served[] {
  const random = seeded(seed);
  const served = instances.map(() => ({ picks: 0, mostInFlight: 0 }));
  let pending: Event[] = [];
  let nowMs = 0;
  for (let i = 0; i < calls; i++) {
    nowMs += -Math.log(1 - random()) * everyMs;
    const due = pending.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
    pending = pending.filter(({ atMs }) => atMs > nowMs);
    for (const { end } of due) end();
    const call = callFor(key?.());
    const instance = balancer.pick(call, nowMs);
    const place = instances.indexOf(instance);
    const { serviceMs = 1, failing = false } = behaviours[place] ?? {};
    const tookMs = serviceMs * (1 + random() / 1000);
    const endMs = nowMs + tookMs;
    instance.inFlight++;
    const own = served[place];
    if (own) {
      own.picks++;
      own.mostInFlight = Math.max(own.mostInFlight, instance.inFlight);
    }
    const end = () => {
      instance.inFlight--;
      balancer.ended(instance, call, failing ? "failed" : "ok", tookMs, endMs);
    };
    pending.push({ atMs: endMs, end });
  }
  return served;
}

export function picksOf(served: readonly Served[]): number[] {
  return served.map(({ picks }) => picks);
}
