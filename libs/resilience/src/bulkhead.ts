import { AppError } from "@agentmesh/errors";

export type Bulkhead = {
  /**
   * @param signal aborted, it ends the wait for a place; `work` looks after itself. Default: nothing ends it
   * @throws AppError RESOURCE_EXHAUSTED (QUEUE_FULL) at once when all places and the queue are taken
   */
  run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** From now on. With fewer, nobody is sent away: places are given up as they become free. */
  resize(places: number): void;
  readonly running: number;
  readonly queued: number;
};

/**
 * At most `places` at once and `queue` waiting. Written here and not taken from cockatiel because a refusal must say
 * how long to wait, and because the counts are a metric.
 */
export function createBulkhead(options: {
  name: string;
  places: number;
  queue: number;
  retryAfterMs?: number;
}): Bulkhead {
  const { name, queue, retryAfterMs = 1000 } = options;
  let { places } = options;
  const waiting: (() => void)[] = [];
  let running = 0;

  /** Resolves with a place. @throws the signal's reason; who waits no more takes no place in the queue either */
  async function inLine(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const at = waiting.indexOf(resolve);
      // One that was just given its place has it.
      if (at < 0) return;
      waiting.splice(at, 1);
      reject(signal?.reason);
    };
    waiting.push(resolve);
    signal?.addEventListener("abort", leave, { once: true });
    await promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  return {
    async run(work, signal) {
      if (running >= places) {
        if (waiting.length >= queue) {
          throw new AppError(
            "RESOURCE_EXHAUSTED",
            `${name}: all ${places} places are busy and ${queue} are waiting; try again later`,
            { reason: "QUEUE_FULL", retryAfterMs },
          );
        }
        await inLine(signal);
      } else {
        running += 1;
      }
      try {
        return await work();
      } finally {
        // The place is handed to the next in line without ever becoming free, so nobody overtakes.
        const next = running <= places ? waiting.shift() : undefined;
        if (next) next();
        else running -= 1;
      }
    },
    resize(wanted) {
      places = wanted;
      while (running < places && waiting.length > 0) {
        running += 1;
        waiting.shift()?.();
      }
    },
    get running() {
      return running;
    },
    get queued() {
      return waiting.length;
    },
  };
}
