import type { Transaction } from "@agentmesh/postgres";
import type { Offer } from "../domain/environment.ts";
import type { ClaimedStep } from "../store/claims.ts";

/** Places that workers keep free for this replica, and the steps on their way to them. */
export type Offers = {
  /** A worker has one offer at a replica: the one before ends. */
  open(worker: string, places: number): OpenOffer;
  /** What one transaction may give to workers. Of what it does not commit nothing is given. */
  handOut(tx: Pick<Transaction, "afterCommit" | "afterRollback">): HandOut;
  /** Ends all offers and takes no more. */
  close(): void;
};

export type OpenOffer = {
  /**
   * The steps that were given since the last call, once there are some; undefined when all places are taken, or the
   * offer ended and no transaction has any of it in hand.
   */
  next(): Promise<readonly ClaimedStep[] | undefined>;
  /** Nothing more is taken from it; what is in hand may still come. */
  end(): void;
  /** Whoever offered is gone. @returns what was given and not taken */
  abandon(): readonly ClaimedStep[];
};

export type HandOut = {
  /** Who takes a step now, and how many; undefined: nobody. */
  offer(): Offer | undefined;
  /** So many of what `offer` said are used up. */
  use(places: number): void;
  /** Goes to its worker after the commit. */
  give(steps: readonly ClaimedStep[]): void;
};

type Open = {
  readonly worker: string;
  /** Neither given nor in a transaction's hand. */
  free: number;
  inHand: number;
  isEnded: boolean;
  isAbandoned: boolean;
  steps: ClaimedStep[];
  wake: () => void;
};

/** @param onUndeliverable gets steps that were committed for a worker who has left meanwhile */
export function createOffers(onUndeliverable: (worker: string, steps: readonly ClaimedStep[]) => void): Offers {
  const byWorker = new Map<string, Open>();
  let isClosed = false;

  function end(open: Open): void {
    open.isEnded = true;
    open.free = 0;
    if (byWorker.get(open.worker) === open) byWorker.delete(open.worker);
    open.wake();
  }

  /** The one with most room, so that workers share what comes. */
  function roomiest(): Open | undefined {
    let best: Open | undefined;
    for (const open of byWorker.values()) if (open.free > (best?.free ?? 0)) best = open;
    return best;
  }

  function settle(open: Open, places: number, steps: readonly ClaimedStep[]): void {
    open.inHand -= places;
    if (!open.isEnded) open.free += places - steps.length;
    if (open.isAbandoned && steps.length > 0) onUndeliverable(open.worker, steps);
    else open.steps.push(...steps);
    if (open.free + open.inHand === 0 && !open.isEnded) end(open);
    else open.wake();
  }

  return {
    open(worker, places) {
      const before = byWorker.get(worker);
      if (before) end(before);
      const open: Open = {
        worker,
        free: places,
        inHand: 0,
        isEnded: false,
        isAbandoned: false,
        steps: [],
        wake: () => {},
      };
      if (isClosed) end(open);
      else byWorker.set(worker, open);
      return {
        async next() {
          while (open.steps.length === 0) {
            if (open.isEnded && open.inHand === 0) return undefined;
            const { promise, resolve } = Promise.withResolvers<void>();
            open.wake = resolve;
            await promise;
          }
          return open.steps.splice(0);
        },
        end: () => end(open),
        abandon() {
          open.isAbandoned = true;
          end(open);
          return open.steps.splice(0);
        },
      };
    },
    handOut(tx) {
      const used = new Map<Open, number>();
      const given: ClaimedStep[] = [];
      let current: Open | undefined;
      tx.afterCommit(() => {
        for (const [open, places] of used) settle(open, places, takeOf(given, open.worker, places));
      });
      tx.afterRollback(() => {
        for (const [open, places] of used) settle(open, places, []);
      });
      return {
        offer() {
          if (!current || current.free === 0) current = roomiest();
          return current && { worker: current.worker, places: current.free };
        },
        use(places) {
          if (!current || places === 0) return;
          current.free -= places;
          current.inHand += places;
          used.set(current, (used.get(current) ?? 0) + places);
        },
        give: (steps) => void given.push(...steps),
      };
    },
    close() {
      isClosed = true;
      for (const open of [...byWorker.values()]) end(open);
    },
  };
}

function takeOf(given: ClaimedStep[], worker: string, most: number): ClaimedStep[] {
  const taken: ClaimedStep[] = [];
  for (let at = 0; at < given.length && taken.length < most; ) {
    if (given[at]?.worker === worker) taken.push(...given.splice(at, 1));
    else at += 1;
  }
  return taken;
}
