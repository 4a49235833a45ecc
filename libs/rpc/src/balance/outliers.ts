import type { Health, Instance, Outcome } from "./instance.ts";
import type { OutlierSettings } from "./settings.ts";

/** Why an instance was ejected. */
export type Ejection = "consecutive_errors" | "error_rate";

export type Outliers = {
  /** Counts how a call ended. Returns why the instance is ejected with it, if it is. */
  record(instance: Instance, outcome: Outcome, all: readonly Instance[], nowMs: number): Ejection | undefined;
  /** Those of `ready` that take calls; `all` of them when too few would be left. */
  usable(ready: readonly Instance[], all: readonly Instance[], nowMs: number): readonly Instance[];
};

export function isEjected({ health }: Instance, nowMs: number): boolean {
  return health.ejectedUntilMs > nowMs;
}

/**
 * An instance is in, or out until a time. It goes out by failures in a row or by its rate of failures in a window, for
 * a time that doubles with each further ejection; when it stayed in for as long as its last time out, one is forgiven.
 */
export function createOutliers(settings: OutlierSettings = {}): Outliers {
  const { consecutiveErrors = 5, errorRate = 0.5, minCalls = 20, windowMs = 10_000 } = settings;
  const { ejectMs = 5_000, maxEjectMs = 300_000, maxEjectedShare = 0.5, panicShare = 0.3 } = settings;
  const timeOutMs = (ejections: number) => Math.min(maxEjectMs, ejectMs * 2 ** Math.max(0, ejections - 1));

  function causeOf(health: Health): Ejection | undefined {
    if (consecutiveErrors > 0 && health.consecutiveErrors >= consecutiveErrors) return "consecutive_errors";
    return health.calls >= minCalls && health.errors / health.calls > errorRate ? "error_rate" : undefined;
  }

  function count(health: Health, failed: boolean, nowMs: number): void {
    if (nowMs - health.windowFromMs >= windowMs) startWindow(health, nowMs);
    health.calls++;
    if (failed) health.errors++;
    health.consecutiveErrors = failed ? health.consecutiveErrors + 1 : 0;
    const forgivenAtMs = health.ejectedUntilMs + timeOutMs(health.ejections);
    if (!failed && health.ejections > 0 && nowMs >= forgivenAtMs) {
      health.ejections--;
      health.ejectedUntilMs = nowMs;
    }
  }

  return {
    record(instance, outcome, all, nowMs) {
      if (outcome === "cancelled") return undefined;
      const { health } = instance;
      count(health, outcome === "failed", nowMs);
      const cause = outcome === "failed" && !isEjected(instance, nowMs) ? causeOf(health) : undefined;
      if (cause === undefined) return undefined;
      const most = Math.min(all.length - 1, Math.floor(all.length * maxEjectedShare));
      if (all.filter((each) => isEjected(each, nowMs)).length >= most) return undefined;
      health.ejections++;
      health.ejectedUntilMs = nowMs + timeOutMs(health.ejections);
      health.consecutiveErrors = 0;
      startWindow(health, nowMs);
      return cause;
    },
    usable(ready, all, nowMs) {
      const kept = ready.filter((each) => !isEjected(each, nowMs));
      const isPanic = kept.length === 0 || kept.length < all.length * panicShare;
      return isPanic || kept.length === ready.length ? ready : kept;
    },
  };
}

function startWindow(health: Health, nowMs: number): void {
  health.windowFromMs = nowMs;
  health.calls = 0;
  health.errors = 0;
}
