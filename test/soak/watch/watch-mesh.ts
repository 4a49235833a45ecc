import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import type { RunningMesh } from "@agentmesh/local";
import { readLiveHeap } from "./live-heap.ts";
import { type ProcessMetrics, readMetrics } from "./read-metrics.ts";
import type { Stores } from "./stores.ts";
import { type ServiceWindow, type Window, windowOf } from "./window.ts";

export type WatchOptions = {
  readonly mesh: RunningMesh;
  readonly stores: Stores;
  readonly sampleMs: number;
  readonly windowMs: number;
  readonly log: (line: string) => void;
  /** A window was closed. */
  readonly onWindow: (window: Window) => Promise<void>;
};

export type Watch = AsyncDisposable & {
  readonly windows: readonly Window[];
  /** Processes that were started anew. */
  readonly restarts: readonly string[];
};

/** Looks at every process of the mesh until it is disposed, which closes the last window. */
export function watchMesh(options: WatchOptions): Watch {
  const { mesh, stores, sampleMs, windowMs, log, onWindow } = options;
  const began = performance.now();
  const windows: Window[] = [];
  const restarts: string[] = [];
  const uptimesS = new Map<string, number>();
  const stop = new AbortController();
  let samples = new Map<string, ProcessMetrics[]>();

  async function sample(): Promise<void> {
    await Promise.all(
      mesh.services.map(async ({ name, adminUrl }) => {
        try {
          const read = await readMetrics(adminUrl);
          if (read.uptimeS < (uptimesS.get(name) ?? 0)) restarts.push(name);
          uptimesS.set(name, read.uptimeS);
          samples.set(name, [...(samples.get(name) ?? []), read]);
        } catch (error) {
          log(`${name} did not say how it is: ${describeError(error)}`);
        }
      }),
    );
  }

  async function closeWindow(): Promise<void> {
    const closing = samples;
    samples = new Map();
    const services = new Map<string, ServiceWindow>();
    // One after the other: each stands still for its collection.
    for (const { name } of mesh.services) {
      try {
        services.set(name, windowOf(closing.get(name) ?? [], await readLiveHeap(mesh, name)));
      } catch (error) {
        log(`${name} is missing from a window: ${describeError(error)}`);
      }
    }
    try {
      const window = { atMs: performance.now() - began, services, stores: await stores.read() };
      windows.push(window);
      await onWindow(window);
    } catch (error) {
      log(`a window is missing: ${describeError(error)}`);
    }
  }

  async function watch(): Promise<void> {
    for (let next = windowMs; !stop.signal.aborted; ) {
      await wait(sampleMs, undefined, { signal: stop.signal }).catch(() => undefined);
      await sample();
      if (performance.now() - began < next && !stop.signal.aborted) continue;
      await closeWindow();
      next = performance.now() - began + windowMs;
    }
  }

  const watching = watch();
  return {
    windows,
    restarts,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await watching;
    },
  };
}
