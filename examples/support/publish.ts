import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import { type JetStreamClient, jetstream } from "@nats-io/jetstream";
import { connect, headers, type MsgHdrs, type NatsConnection } from "@nats-io/transport-node";
import type { Ticket } from "./tickets.ts";

const type = "ticket.opened";
const source = "https://helpdesk.example/tickets";
const ackTimeoutMs = 5_000;
/** How long a server that is away is waited for, for each event. */
const patienceMs = 60_000;
const retryDelayMs = 250;

/**
 * Publishes each ticket as a CloudEvent in binary mode and waits until it is stored. An event without an
 * acknowledgement is sent again under its own id, which stores it once.
 *
 * @throws AppError UNAVAILABLE after a minute without an acknowledgement
 */
export async function publishTickets(url: string, tickets: readonly Ticket[], time: Date): Promise<void> {
  const nc = await connectPublisher(url);
  try {
    const js = jetstream(nc, { timeout: ackTimeoutMs });
    for (const ticket of tickets) {
      await publish(js, ticket, time, ticket.eventId);
      // A server forgets ids after a while, so the same event also goes out under a new message id: what starts the
      // workflow has to know it by itself.
      if (ticket.repeat) await publish(js, ticket, time, `${ticket.eventId}:again`);
    }
  } finally {
    await nc.drain().catch(() => nc.close());
  }
}

async function connectPublisher(url: string): Promise<NatsConnection> {
  const { host, username, password } = new URL(url);
  return connect({
    servers: host,
    user: decodeURIComponent(username),
    pass: decodeURIComponent(password),
    name: "helpdesk",
    maxReconnectAttempts: -1,
    reconnectTimeWait: retryDelayMs,
  });
}

async function publish(js: JetStreamClient, ticket: Ticket, time: Date, messageId: string): Promise<void> {
  const subject = `evt.${type}.${ticket.id}`;
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    try {
      await js.publish(subject, ticket.body, { headers: headersOf(ticket, time), msgID: messageId });
      return;
    } catch (error) {
      if (Date.now() + retryDelayMs > deadlineMs) {
        throw new AppError(
          "UNAVAILABLE",
          `event ${ticket.eventId} on ${subject} was not acknowledged within ${patienceMs} ms: ${describeError(error)}`,
          { reason: "PUBLISH_TIMEOUT", cause: error },
        );
      }
      await wait(retryDelayMs);
    }
  }
}

function headersOf(ticket: Ticket, time: Date): MsgHdrs {
  const result = headers();
  const attributes = ticket.headers ?? {
    "ce-specversion": "1.0",
    "ce-id": ticket.eventId,
    "ce-source": source,
    "ce-type": type,
    "ce-subject": ticket.id,
    "ce-time": time.toISOString(),
    "content-type": "application/json",
  };
  for (const [name, value] of Object.entries(attributes)) result.set(name, value);
  return result;
}
