import { describeError } from "@agentmesh/errors";
import type { Logger } from "@agentmesh/telemetry";
import type { NatsConnection } from "@nats-io/transport-node";

// Core NATS: whoever misses the hint looks again by itself within a second.
const SUBJECT = "hint.cache.flight.ended";

/** Tells all replicas that an answer is there, or that nobody is at it any more. The message is the flight's name. */
export function publishFlightEnded(nc: NatsConnection, log: Logger, flight: string): void {
  try {
    nc.publish(SUBJECT, flight);
  } catch (error) {
    log.debug(
      { reason: describeError(error) },
      "the end of a flight not told; those who wait look again by themselves",
    );
  }
}

/** Listens for the hints of all replicas. */
export function onFlightEnded(nc: NatsConnection, log: Logger, heard: (flight: string) => void): Disposable {
  const subscription = nc.subscribe(SUBJECT, {
    callback: (error, message) => {
      if (error) log.warn({ reason: describeError(error) }, "hints of ended flights interrupted");
      else heard(message.string());
    },
  });
  return { [Symbol.dispose]: () => subscription.unsubscribe() };
}
