import { setTimeout as wait } from "node:timers/promises";

/** Free places of a worker, offered to the queue in handfuls. */
export type Places = {
  readonly free: number;
  /** How many may be pulled for now. Few free places are offered only after having waited for more. */
  credit(): number;
  /** Resolves when half the places are free, or when some are and nothing more came free for GATHER_MS. */
  gather(): Promise<void>;
  /** Resolves when at least so many are free, or at the first `freed` after the signal was aborted. */
  some(count: number, signal: AbortSignal): Promise<void>;
  /** Call when a place came free. */
  freed(): void;
};

// Pulling for one free place at a time would cost a round trip a step.
const GATHER_MS = 5;

/** @param taken how many places are taken now */
export function createPlaces(count: number, taken: () => number): Places {
  let mayOfferFew = false;
  let one = Promise.withResolvers<void>();
  let half = Promise.withResolvers<void>();

  function free(): number {
    return count - taken();
  }

  return {
    get free() {
      return free();
    },
    credit() {
      if (free() < count / 2 && !mayOfferFew) return 0;
      mayOfferFew = false;
      return free();
    },
    async gather() {
      if (free() <= 0) await one.promise;
      if (free() < count / 2) await Promise.race([half.promise, wait(GATHER_MS)]);
      mayOfferFew = true;
    },
    async some(least, signal) {
      while (free() < least && !signal.aborted) await one.promise;
    },
    freed() {
      one.resolve();
      one = Promise.withResolvers<void>();
      if (free() < count / 2) return;
      half.resolve();
      half = Promise.withResolvers<void>();
    },
  };
}
