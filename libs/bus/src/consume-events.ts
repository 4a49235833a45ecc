import { AppError, describeError } from "@agentmesh/errors";
import type { Database, Transaction } from "@agentmesh/postgres";
import { catalogServices } from "@agentmesh/proto/catalog";
import { inSpan } from "@agentmesh/telemetry";
import type { JsMsg } from "@nats-io/jetstream";
import { bury } from "./bury.ts";
import { type CloudEvent, readCloudEvent } from "./cloud-event.ts";
import type { Bus } from "./connect.ts";
import { type Consumer, consume, redeliveryDelayMs } from "./consume.ts";
import { keepInboxShort } from "./keep-inbox-short.ts";
import { EVENTS_STREAM } from "./streams.ts";

/** The part of a generated event contract that consuming needs. */
export type EventContract<T> = {
  readonly type: string;
  readonly publisher: string;
  readonly message: { decode(input: Uint8Array): T };
};

export type Received<T> = Omit<CloudEvent, "body"> & { readonly data: T };

export type ConsumeEventsOptions<T> = {
  /** Default: `<service>-<type>`. */
  readonly durable?: string;
  readonly event: EventContract<T>;
  /** Applies a batch of events that were never applied before, in the transaction that remembers them. */
  readonly handle: (tx: Transaction, events: readonly Received<T>[]) => Promise<void>;
  readonly maxBatch?: number;
  /** See `consume`. Default 0. */
  readonly gatherMs?: number;
};

type Delivery<T> = { readonly message: JsMsg; readonly event: Received<T> };

const MAX_DELIVERIES = 6;
const services: ReadonlySet<string> = new Set(catalogServices.map(({ service }) => service));

/**
 * Consumes one kind of event into PostgreSQL, each event once: the batch's ids go into the inbox in the same
 * transaction as what the handler writes, and the messages are acknowledged after the commit.
 *
 * A batch that fails is tried again message by message, so that one bad event holds nobody up; what cannot be read, and
 * what fails MAX_DELIVERIES times, goes to `dead_letter`, whole, with the reason. An outage counts for nothing: while
 * the database or a peer is UNAVAILABLE the messages keep coming again.
 */
export function consumeEvents<T>(bus: Bus, db: Database, options: ConsumeEventsOptions<T>): Consumer {
  const { event, maxBatch = 100, gatherMs = 0 } = options;
  const durable = options.durable ?? `${bus.service}-${event.type.replaceAll(".", "-")}`;
  const counted = bus.metrics.counter("agentmesh_events_consumed_total", "Events applied, by outcome", [
    "consumer",
    "outcome",
  ]);

  async function giveUp(message: JsMsg, error: unknown): Promise<void> {
    await bury(db, durable, message, error);
    message.term();
    counted.inc({ consumer: durable, outcome: "dead" });
    bus.log.error(
      { durable, subject: message.subject, reason: describeError(error) },
      "event went to the dead letters",
    );
  }

  async function readAll(messages: readonly JsMsg[]): Promise<Delivery<T>[]> {
    const deliveries: Delivery<T>[] = [];
    for (const message of messages) {
      try {
        deliveries.push({ message, event: read(message, event) });
      } catch (error) {
        await giveUp(message, error);
      }
    }
    return deliveries;
  }

  async function apply(deliveries: readonly Delivery<T>[]): Promise<void> {
    const [first] = deliveries;
    if (!first) return;
    await inSpan(`consume ${event.type}`, { kind: "consumer", traceparent: first.event.traceparent }, () =>
      db.transaction(async (tx) => {
        const fresh = await rememberNew(
          tx,
          durable,
          deliveries.map((delivery) => delivery.event),
        );
        if (fresh.length > 0) await options.handle(tx, fresh);
      }),
    );
    for (const { message } of deliveries) message.ack();
    counted.inc({ consumer: durable, outcome: "applied" }, deliveries.length);
  }

  async function applyOrSplit(deliveries: readonly Delivery<T>[]): Promise<void> {
    try {
      await apply(deliveries);
    } catch (error) {
      if (isOutage(error)) throw error;
      const [first, second] = deliveries;
      if (!first) return;
      if (second) for (const delivery of deliveries) await applyOrSplit([delivery]);
      else if (first.message.info.deliveryCount < MAX_DELIVERIES) {
        first.message.nak(redeliveryDelayMs(first.message.info.deliveryCount));
      } else await giveUp(first.message, error);
    }
  }

  const consumer = consume(bus, {
    stream: EVENTS_STREAM,
    durable,
    filter: `evt.*.${event.publisher}.${event.type}.>`,
    maxBatch,
    gatherMs,
    handle: async (messages) => applyOrSplit(await readAll(messages)),
  });
  const keeper = keepInboxShort(bus, db);
  return {
    async [Symbol.asyncDispose]() {
      await Promise.all([consumer[Symbol.asyncDispose](), keeper[Symbol.asyncDispose]()]);
    },
  };
}

function isOutage(error: unknown): boolean {
  return error instanceof AppError && (error.code === "UNAVAILABLE" || error.code === "RESOURCE_EXHAUSTED");
}

function read<T>(message: JsMsg, event: EventContract<T>): Received<T> {
  const { body, ...rest } = readCloudEvent(message);
  // Outside publishers choose their types freely, so `*` must mean any service and not anybody.
  if (event.publisher === "*" && !services.has(rest.publisher)) {
    throw new AppError("PERMISSION_DENIED", `${rest.publisher} is not a service and may not publish ${event.type}`, {
      reason: "FOREIGN_PUBLISHER",
    });
  }
  try {
    return { ...rest, data: event.message.decode(body) };
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", `${event.type} ${rest.id}: its body is not valid protobuf`, {
      reason: "BAD_PROTOBUF",
      cause,
    });
  }
}

async function rememberNew<T>(
  tx: Transaction,
  durable: string,
  events: readonly Received<T>[],
): Promise<Received<T>[]> {
  const { rows } = await tx.query<{ msg_id: string }>(
    `INSERT INTO inbox (consumer, msg_id) SELECT $1, id FROM unnest($2::text[]) AS id
     ON CONFLICT DO NOTHING RETURNING msg_id`,
    [durable, events.map((event) => event.id)],
  );
  const fresh = new Set(rows.map((row) => row.msg_id));
  // `delete` answers true once an id, so a repeat inside one batch is dropped as well.
  return events.filter((event) => fresh.delete(event.id));
}
