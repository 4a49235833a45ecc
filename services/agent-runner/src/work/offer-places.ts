import { setTimeout as wait } from "node:timers/promises";
import { describeError } from "@agentmesh/errors";
import type { Claim } from "@agentmesh/proto/orchestrator";
import type { Context } from "../context.ts";
import type { Places } from "./places.ts";

// An orchestrator that is away, or does not know of offers yet.
const RETRY_MS = 1_000;

export type OfferingOptions = {
  readonly worker: string;
  /** The part of the free places that is offered: the rest is for the queue, through which other replicas give work. */
  readonly share: number;
  readonly places: Places;
  /** @param askedAtMs when the offer was sent: a lease began no earlier */
  readonly onNext: (claims: readonly Claim[], askedAtMs: number) => void;
};

export type Offering = AsyncDisposable & {
  /** Places that are offered and not taken. */
  readonly open: number;
};

/**
 * Offers places to one replica of the orchestrator after the other. What starts there comes at once and leased, where the
 * queue and a claim would take two ways more.
 */
export function startOffering({ peers, log }: Pick<Context, "peers" | "log">, options: OfferingOptions): Offering {
  const { worker, share, places, onNext } = options;
  const stop = new AbortController();
  let open = 0;

  async function offer(): Promise<void> {
    const askedAtMs = performance.now();
    open = Math.floor(places.free * share);
    try {
      const replies = peers.orchestrator.offerPlaces({ worker, places: open }, { signal: stop.signal });
      for await (const { claims } of replies) {
        open = Math.max(0, open - claims.length);
        onNext(claims, askedAtMs);
      }
    } finally {
      open = 0;
      places.freed();
    }
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      try {
        await places.some(1 / share, stop.signal);
        if (!stop.signal.aborted) await offer();
      } catch (error) {
        if (stop.signal.aborted) return;
        log.debug({ reason: describeError(error) }, "places not offered; steps come through the queue");
        await wait(RETRY_MS, undefined, { signal: stop.signal }).catch(() => undefined);
      }
    }
  }

  const running = share > 0 ? loop() : Promise.resolve();
  return {
    get open() {
      return open;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      places.freed();
      await running;
    },
  };
}
