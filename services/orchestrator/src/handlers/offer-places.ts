import type { OfferPlacesReply, OfferPlacesRequest } from "@agentmesh/proto/orchestrator";
import type { Call, DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { sendBack } from "../engine/send-back.ts";
import type { ClaimedStep } from "../store/claims.ts";
import { checkBatch } from "./step-refs.ts";
import { claimOf, messagesOf } from "./wire-claims.ts";

// The worker counts leases from its asking, so an offer is a small part of a lease old at most.
const MAX_OFFER_MS = 3_000;
const OFFER_OF_LEASE = 0.1;

/** Gives first steps of runs that start here to a worker who waits for them, without the queue and the claim. */
export async function* offerPlaces(
  context: Context,
  { worker, places }: OfferPlacesRequest,
  call: Pick<Call, "signal">,
): AsyncGenerator<DeepPartial<OfferPlacesReply>> {
  checkBatch(worker, places);
  const offer = context.offers.open(worker, places);
  const timer = setTimeout(offer.end, Math.min(MAX_OFFER_MS, context.config.engine.leaseMs * OFFER_OF_LEASE));
  const left: ClaimedStep[] = [];
  function abandon(): void {
    void sendBack(context, worker, [...left.splice(0), ...offer.abandon()]);
  }
  call.signal.addEventListener("abort", abandon);
  try {
    for (;;) {
      const steps = await offer.next();
      if (steps === undefined || call.signal.aborted) return;
      left.push(...steps);
      for (const part of messagesOf(steps)) {
        const claims = await Promise.all(part.map((step) => claimOf(context, step)));
        if (call.signal.aborted) return;
        left.splice(0, part.length);
        yield { claims };
      }
    }
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", abandon);
    abandon();
  }
}
