import { AppError, describeError } from "@agentmesh/errors";
import type { Database, Transaction } from "@agentmesh/postgres";
import { inSpan } from "@agentmesh/telemetry";
import type { JsMsg } from "@nats-io/jetstream";
import { type CloudEvent, readCloudEvent } from "./cloud-event.ts";
import type { Bus } from "./connect.ts";
import { type Consumer, consume, redeliveryDelayMs } from "./consume.ts";
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
};

const MAX_DELIVERIES = 6;

/**
 * Consumes one kind of event into PostgreSQL, each event once: the batch's ids go into the inbox in the same
 * transaction as what the handler writes, and the messages are acknowledged after the commit.
 *
 * A batch that fails is tried again message by message, so that one bad event holds nobody up; what fails
 * MAX_DELIVERIES times goes to `dead_letter`, whole, with the reason.
 */
export function consumeEvents<T>(bus: Bus, db: Database, options: ConsumeEventsOptions<T>): Consumer {
  const { event, maxBatch = 100 } = options;
  const durable = options.durable ?? `${bus.service}-${event.type.replaceAll(".", "-")}`;
  const counted = bus.metrics.counter("agentmesh_events_consumed_total", "Events applied, by outcome", [
    "consumer",
    "outcome",
  ]);

  async function apply(messages: readonly JsMsg[]): Promise<void> {
    const decoded = messages.map((message) => decode(message, event));
    const [first] = decoded;
    if (!first) return;
    await inSpan(`consume ${event.type}`, { kind: "consumer", traceparent: first.traceparent }, () =>
      db.transaction(async (tx) => {
        const fresh = await rememberNew(tx, durable, decoded);
        if (fresh.length > 0) await options.handle(tx, fresh);
      }),
    );
    for (const message of messages) message.ack();
    counted.inc({ consumer: durable, outcome: "applied" }, messages.length);
  }

  async function applyOne(message: JsMsg): Promise<void> {
    try {
      await apply([message]);
    } catch (error) {
      const deliveries = message.info.deliveryCount;
      const transient = error instanceof AppError && error.retryable;
      if (transient || deliveries < MAX_DELIVERIES) {
        message.nak(redeliveryDelayMs(deliveries));
        return;
      }
      await bury(db, durable, message, error);
      message.term();
      counted.inc({ consumer: durable, outcome: "dead" });
      bus.log.error(
        { durable, subject: message.subject, reason: describeError(error) },
        "event went to the dead letters",
      );
    }
  }

  return consume(bus, {
    stream: EVENTS_STREAM,
    durable,
    filter: `evt.*.${event.publisher}.${event.type}.>`,
    maxBatch,
    async handle(messages) {
      try {
        await apply(messages);
      } catch (error) {
        if (error instanceof AppError && error.code === "UNAVAILABLE") throw error;
        for (const message of messages) await applyOne(message);
      }
    },
  });
}

function decode<T>(message: JsMsg, event: EventContract<T>): Received<T> {
  const { body, ...rest } = readCloudEvent(message);
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

/** Keeps a message that cannot be applied. */
export async function bury(db: Database, durable: string, message: JsMsg, error: unknown): Promise<void> {
  const carried: Record<string, string> = {};
  for (const [name, [value = ""]] of message.headers ?? []) carried[name] = value;
  await db.query(
    `INSERT INTO dead_letter (consumer, msg_id, subject, headers, body, reason, deliveries)
     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
    [
      durable,
      `${message.info.stream}:${message.seq}`,
      message.subject,
      JSON.stringify(carried),
      Buffer.from(message.data),
      describeError(error),
      message.info.deliveryCount,
    ],
  );
}
