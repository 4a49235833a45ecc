import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Queryable, Transaction } from "@agentmesh/postgres";
import { currentTraceparent } from "@agentmesh/telemetry";
import { wakeRelay } from "./relay-wake.ts";
import { eventSubject } from "./subjects.ts";

/** The part of a generated event contract that publishing needs. */
export type EmittedContract<T> = {
  readonly type: string;
  readonly publisher: string;
  readonly key: string;
  readonly message: { encode(message: T): { finish(): Uint8Array }; fromPartial(partial: never): T };
};

/** A message for the outbox as it will go out. */
export type RawEvent = {
  /** ce-id and Nats-Msg-Id; unique for ever. */
  readonly id: string;
  readonly tenant: string;
  readonly publisher: string;
  readonly type: string;
  readonly key: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** W3C traceparent; default: the current span's. */
  readonly traceparent?: string | undefined;
};

export type EmitOptions<T> = {
  readonly tenant: string;
  readonly data: T;
  /** Only where the contract says any service may publish (`*`). */
  readonly publisher?: string;
  /** Default: a new UUIDv7. Give a derived id where a repeat of the transaction must not be a second event. */
  readonly id?: string;
};

/**
 * Publishes an event with the transaction: it leaves when the transaction commits and only then. At least once, with
 * a stable id.
 */
export async function emit<T>(
  tx: Queryable | Transaction,
  event: EmittedContract<T>,
  options: EmitOptions<T>,
): Promise<void> {
  await emitAll(tx, event, [options]);
}

/** `emit` for many events in one statement. */
export async function emitAll<T>(
  tx: Queryable | Transaction,
  event: EmittedContract<T>,
  all: readonly EmitOptions<T>[],
): Promise<void> {
  await emitRaw(
    tx,
    all.map(({ tenant, data, publisher, id }) => ({
      id: id ?? newId(),
      tenant,
      publisher: event.publisher === "*" ? (publisher ?? "unknown") : event.publisher,
      type: event.type,
      key: keyOf(data, event.key),
      contentType: "application/protobuf",
      body: event.message.encode(data).finish(),
    })),
  );
}

const EVENT_TYPE = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const MAX_TYPE_CHARS = 128;
// NATS takes 1 MiB, headers included.
const MAX_EVENT_BYTES = 960 * 1024;

/**
 * Events whose type is data and not a contract, for instance those a workflow emits.
 *
 * @throws AppError INVALID_ARGUMENT: BAD_EVENT_TYPE or EVENT_TOO_LARGE, for what the server would refuse for ever
 */
export async function emitRaw(tx: Queryable | Transaction, events: readonly RawEvent[]): Promise<void> {
  if (events.length === 0) return;
  for (const event of events) assertPublishable(event);
  const time = new Date().toISOString();
  const current = currentTraceparent();
  await tx.query(
    `INSERT INTO outbox (msg_id, subject, headers, body)
     SELECT * FROM unnest($1::text[], $2::text[], $3::jsonb[], $4::bytea[])`,
    [
      events.map((event) => event.id),
      events.map((event) => eventSubject(event.tenant, event.publisher, event.type, event.key)),
      events.map((event) => JSON.stringify(headersOf(event, time, event.traceparent ?? current))),
      events.map((event) => Buffer.from(event.body)),
    ],
  );
  if ("afterCommit" in tx) tx.afterCommit(wakeRelay);
  else wakeRelay();
}

function assertPublishable({ type, body }: RawEvent): void {
  if (type.length > MAX_TYPE_CHARS || !EVENT_TYPE.test(type)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `the event type ${JSON.stringify(type.slice(0, MAX_TYPE_CHARS))} is not words of a-z, A-Z, 0-9, "_" and "-" with dots between, of at most ${MAX_TYPE_CHARS} characters`,
      { reason: "BAD_EVENT_TYPE", field: "type" },
    );
  }
  if (body.length > MAX_EVENT_BYTES) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `an event ${type} has ${body.length} bytes, more than the ${MAX_EVENT_BYTES} of a message; leave out what its reader can fetch`,
      { reason: "EVENT_TOO_LARGE" },
    );
  }
}

function headersOf(event: RawEvent, time: string, traceparent: string | undefined): Record<string, string> {
  return {
    "ce-specversion": "1.0",
    "ce-id": event.id,
    "ce-source": `mesh/${event.publisher}`,
    "ce-type": event.type,
    "ce-time": time,
    "content-type": event.contentType,
    ...(traceparent && { traceparent }),
  };
}

function keyOf(data: unknown, key: string): string {
  const value = data !== null && typeof data === "object" ? Reflect.get(data, key) : undefined;
  return String(value ?? "");
}
