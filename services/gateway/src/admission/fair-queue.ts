import { AppError } from "@agentmesh/errors";

export type FairQueueOptions = {
  /** Calls at a time. */
  readonly places: number;
  /** Calls of all tenants that wait; 0: none. */
  readonly queue: number;
  /** Longest wait of one, in milliseconds. */
  readonly waitMs: number;
  /** How many wait, each time that changes. */
  readonly onWaiting?: (count: number) => void;
};

export type FairQueue = {
  /**
   * Resolves with a place; what it resolves with gives the place back.
   *
   * @throws AppError UNAVAILABLE (OVERLOADED) when nothing is free in time, or the signal's reason
   */
  enter(tenant: string, signal: AbortSignal): Promise<() => void>;
  readonly running: number;
  readonly waiting: number;
};

type Waiter = { readonly admit: () => void; readonly refuse: (why: string) => void };

// Long enough for a burst to pass, short enough that nobody is idle for long.
const RETRY_AFTER_MS = 1_000;

/**
 * Places for calls. When all are taken, those that become free go to the waiting tenants in turn, so that one who sends
 * a thousand calls delays nobody who sends one. A full queue sheds from its longest line, the newest call first.
 */
export function createFairQueue({ places, queue, waitMs, onWaiting }: FairQueueOptions): FairQueue {
  // The first line in the map is next; a served one goes to the end.
  const lines = new Map<string, Waiter[]>();
  let running = 0;
  let waiting = 0;

  function release(): void {
    const [next] = lines;
    if (!next) {
      running -= 1;
      return;
    }
    const [tenant, line] = next;
    const [first] = line;
    lines.delete(tenant);
    lines.set(tenant, line);
    first?.admit();
  }

  function leave(tenant: string, waiter: Waiter): void {
    const line = lines.get(tenant);
    const at = line?.indexOf(waiter) ?? -1;
    if (!line || at < 0) return;
    line.splice(at, 1);
    waiting -= 1;
    onWaiting?.(waiting);
    if (line.length === 0) lines.delete(tenant);
  }

  /** Makes room for one of a tenant whose line is shorter than the longest. */
  function shedFor(tenant: string): boolean {
    const [longest] = [...lines.values()].toSorted((a, b) => b.length - a.length);
    if (!longest || longest.length <= (lines.get(tenant)?.length ?? 0) + 1) return false;
    longest.at(-1)?.refuse("its line is the longest of a full queue");
    return true;
  }

  function inLine(tenant: string, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(() => waiter.refuse(`it has waited ${waitMs} ms`), waitMs);
    const onAbort = () => end(() => reject(signal.reason));
    const waiter: Waiter = { admit: () => end(resolve), refuse: (why) => end(() => reject(overloaded(places, why))) };
    function end(settle: () => void): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      leave(tenant, waiter);
      settle();
    }
    signal.addEventListener("abort", onAbort, { once: true });
    const line = lines.get(tenant) ?? [];
    lines.set(tenant, line);
    line.push(waiter);
    waiting += 1;
    onWaiting?.(waiting);
    return promise;
  }

  return {
    async enter(tenant, signal) {
      signal.throwIfAborted();
      if (running < places) running += 1;
      else if (waiting < queue || shedFor(tenant)) await inLine(tenant, signal);
      else throw overloaded(places, `${waiting} others wait`);
      let isBack = false;
      return () => {
        if (isBack) return;
        isBack = true;
        release();
      };
    },
    get running() {
      return running;
    },
    get waiting() {
      return waiting;
    },
  };
}

function overloaded(places: number, why: string): AppError {
  return new AppError(
    "UNAVAILABLE",
    `the edge is overloaded: all ${places} places are taken and ${why}; try again in ${RETRY_AFTER_MS / 1000} s`,
    { reason: "OVERLOADED", retryAfterMs: RETRY_AFTER_MS },
  );
}
