import { type SignalName, type Signals, signalNames } from "./score.ts";

/** Remembers the load of the last `windowMs`. */
export type RecentLoad = {
  /** @returns the highest of each signal within the window; undefined until it was watched for as long */
  add(signals: Signals, nowMs: number): Signals | undefined;
  /** A look that failed: what was not seen may have been high, so the watch begins anew. */
  forget(): void;
};

// With the longest window and looks each second.
const MAX_LOOKS = 3600;

export function createRecentLoad(windowMs: number): RecentLoad {
  let looks: { readonly atMs: number; readonly signals: Signals }[] = [];
  let sinceMs: number | undefined;
  return {
    add(signals, nowMs) {
      sinceMs ??= nowMs;
      looks = [...looks.filter(({ atMs }) => atMs > nowMs - windowMs), { atMs: nowMs, signals }].slice(-MAX_LOOKS);
      return nowMs - sinceMs < windowMs ? undefined : peaksOf(looks.map((look) => look.signals));
    },
    forget() {
      looks = [];
      sinceMs = undefined;
    },
  };
}

function peaksOf(all: readonly Signals[]): Signals {
  const peaks: Partial<Record<SignalName, number>> = {};
  for (const signals of all) {
    for (const name of signalNamesOf(signals)) {
      peaks[name] = Math.max(peaks[name] ?? Number.NEGATIVE_INFINITY, signals[name] ?? Number.NEGATIVE_INFINITY);
    }
  }
  return peaks;
}

function signalNamesOf(signals: Signals): SignalName[] {
  return signalNames.filter((name) => signals[name] !== undefined);
}
