import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import { eventKey } from "../domain/steps/wait.ts";
import { matchesOf } from "../store/event-matches.ts";
import { type KeyedEvent, storeArrived } from "../store/event-waits.ts";

/** An event that somebody may wait for. */
export type ArrivedEvent = {
  readonly tenant: string;
  readonly publisher: string;
  /** As in the publisher's subject: `order.paid`. */
  readonly type: string;
  /** The publisher's id of it; a second delivery of the same changes nothing. */
  readonly eventId: string;
  readonly data: unknown;
  readonly at: Date;
};

/**
 * Keeps events and tells the runs that wait for them, in the caller's transaction: what is delivered twice counts once.
 * Events of types that no workflow waits for are dropped.
 */
export async function deliverEvents(
  context: Pick<Context, "wakeSignals">,
  tx: Transaction,
  events: readonly ArrivedEvent[],
): Promise<void> {
  if (events.length === 0) return;
  const matches = await matchesOf(tx, events);
  const keyed: KeyedEvent[] = events.flatMap((event) => {
    const value = { id: event.eventId, type: event.type, data: event.data, time: event.at.toISOString() };
    return (
      matches
        .filter(({ tenant, publisher, type }) => isOf(event, tenant, publisher, type))
        .map(({ match }) => ({ match, key: match === "" ? "" : eventKey(value, match) }))
        // What lacks the value is for nobody, not for who waits for nothing.
        .filter(({ match, key }) => match === "" || key !== "")
        .map(({ match, key }) => ({ ...event, match, key, data: JSON.stringify(event.data ?? null) }))
    );
  });
  if ((await storeArrived(tx, keyed)) > 0) tx.afterCommit(() => context.wakeSignals());
}

function isOf(event: ArrivedEvent, tenant: string, publisher: string, type: string): boolean {
  return event.tenant === tenant && event.publisher === publisher && event.type === type;
}
