import type { ProcessMetrics } from "./read-metrics.ts";
import type { StoreFigures } from "./stores.ts";

/** One service over one window of time. */
export type ServiceWindow = {
  /** The least heap in use that was seen: what a collection of V8's own left, when there was one. */
  readonly heapFloorBytes: number;
  /** Reachable at the end of the window, after a full collection. */
  readonly liveHeapBytes: number;
  readonly rssBytes: number;
  readonly handles: number;
  /** Begun and not ended: the least and the last that was seen. */
  readonly openSpansLeast: number;
  readonly spansStarted: number;
  readonly spansEnded: number;
  readonly lagMaxMs: number;
};

export type Window = {
  /** Its end, from the beginning of the load. */
  readonly atMs: number;
  /** By process name. */
  readonly services: ReadonlyMap<string, ServiceWindow>;
  readonly stores: StoreFigures;
};

/** @throws Error without a sample */
export function windowOf(samples: readonly ProcessMetrics[], liveHeapBytes: number): ServiceWindow {
  const last = samples.at(-1);
  if (!last) throw new Error("a window has no sample: the service did not answer once");
  const { rssBytes, handles, spansStarted, spansEnded } = last;
  return {
    heapFloorBytes: Math.min(...samples.map((sample) => sample.heapUsedBytes)),
    liveHeapBytes,
    rssBytes,
    handles,
    openSpansLeast: Math.min(...samples.map((sample) => sample.spansStarted - sample.spansEnded)),
    spansStarted,
    spansEnded,
    lagMaxMs: Math.max(...samples.map((sample) => sample.lagMs)),
  };
}
