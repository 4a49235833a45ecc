import { DEFAULT_DECAY_MS, policyOf } from "./choose-policy.ts";
import { type Instance, type Outcome, recordError, recordLatency } from "./instance.ts";
import { createOutliers, type Ejection } from "./outliers.ts";
import { isTried, type PickCall, type Random } from "./policy.ts";
import type { BalanceSettings } from "./settings.ts";

/** The instances of one target. Pure: times come in, and whoever owns connections says which instances are ready. */
export type Balancer = {
  /** `all` are known, `ready` of them connected. */
  setInstances(all: readonly Instance[], ready: readonly Instance[], nowMs: number): void;
  /** Where an attempt of a call goes; one it was not sent to before, where there is one. */
  pick(call: PickCall, nowMs: number): Instance;
  /** An attempt that was begun has ended. */
  ended(instance: Instance, call: PickCall, outcome: Outcome, tookMs: number, nowMs: number): void;
};

export type BalancerOptions = {
  readonly settings: BalanceSettings;
  /** Default Math.random. */
  readonly random?: Random;
  readonly onEjected?: (instance: Instance, cause: Ejection) => void;
};

export function createBalancer({ settings, random = Math.random, onEjected }: BalancerOptions): Balancer {
  const { decayMs = DEFAULT_DECAY_MS } = settings;
  const choose = policyOf(settings, random);
  const outliers = createOutliers(settings.outliers);
  let all: readonly Instance[] = [];
  let ready: readonly Instance[] = [];
  let usable: readonly Instance[] = [];
  let nextReturnMs = Number.POSITIVE_INFINITY;

  function refresh(nowMs: number): void {
    usable = outliers.usable(ready, all, nowMs);
    const returns = all.map(({ health }) => health.ejectedUntilMs).filter((untilMs) => untilMs > nowMs);
    nextReturnMs = Math.min(...returns, Number.POSITIVE_INFINITY);
  }

  return {
    setInstances(nextAll, nextReady, nowMs) {
      all = nextAll;
      ready = nextReady;
      refresh(nowMs);
    },
    pick(call, nowMs) {
      // Ejections end by the clock of the calls; a timer would only wake an idle process.
      if (nowMs >= nextReturnMs) refresh(nowMs);
      if (call.tried && usable.every((instance) => isTried(call, instance))) call.tried = undefined;
      const instance = choose(usable, call, nowMs);
      call.tried = call.tried ? [...call.tried, instance] : [instance];
      return instance;
    },
    ended(instance, call, outcome, tookMs, nowMs) {
      if (outcome === "cancelled") return;
      const failed = outcome === "failed";
      if (!call.streaming) recordLatency(instance, tookMs, failed, nowMs, decayMs);
      recordError(instance, failed, nowMs, decayMs);
      const cause = outliers.record(instance, outcome, all, nowMs);
      if (cause === undefined) return;
      refresh(nowMs);
      onEjected?.(instance, cause);
    },
  };
}
