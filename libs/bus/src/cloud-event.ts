import { AppError } from "@agentmesh/errors";
import type { MsgHdrs } from "@nats-io/transport-node";
import { readEventSubject } from "./subjects.ts";

/** A CloudEvents 1.0 event in binary mode: attributes in headers, data in the body. */
export type CloudEvent = {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly time: Date | undefined;
  readonly contentType: string;
  readonly traceparent: string | undefined;
  readonly tenant: string;
  /** Stamped by the account boundary; cannot be forged by the publisher. */
  readonly publisher: string;
  readonly natsSubject: string;
  readonly body: Uint8Array;
};

type Message = { readonly subject: string; readonly headers?: MsgHdrs | undefined; readonly data: Uint8Array };

const MAX_ATTRIBUTE_CHARS = 256;
// CloudEvents 1.0, type system: a String has no control characters.
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is about control characters
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** @throws AppError INVALID_ARGUMENT (NOT_A_CLOUD_EVENT) that names the header */
export function readCloudEvent(message: Message): CloudEvent {
  const origin = readEventSubject(message.subject);
  if (!origin) throw notOne("subject", message.subject, "evt.<tenant>.<publisher>.<type>.<key>");
  const version = attribute(message, "ce-specversion");
  if (version !== "1.0") throw notOne("ce-specversion", version, "1.0");
  const time = message.headers?.get("ce-time");
  const parsed = time ? new Date(time) : undefined;
  if (parsed && !hasPlainYear(parsed)) throw notOne("ce-time", time, "an RFC 3339 time");
  return {
    id: attribute(message, "ce-id"),
    source: attribute(message, "ce-source"),
    type: attribute(message, "ce-type"),
    time: parsed,
    contentType: message.headers?.get("content-type") || "application/json",
    traceparent: message.headers?.get("traceparent") || undefined,
    ...origin,
    natsSubject: message.subject,
    body: message.data,
  };
}

/** Years of RFC 3339 have four digits, and the year 0 is no date to a database. */
function hasPlainYear(time: Date): boolean {
  const year = time.getUTCFullYear();
  return year >= 1 && year <= 9999;
}

function attribute(message: Message, name: string): string {
  const value = message.headers?.get(name);
  if (!value || value.length > MAX_ATTRIBUTE_CHARS || CONTROL.test(value)) {
    throw notOne(name, value, `a text of 1 to ${MAX_ATTRIBUTE_CHARS} characters without control characters`);
  }
  return value;
}

function notOne(name: string, value: string | undefined, expected: string): AppError {
  const got = value ? JSON.stringify(value.slice(0, 60)) : "nothing";
  return new AppError(
    "INVALID_ARGUMENT",
    `not a CloudEvent in binary mode: ${name} is ${got}, expected ${expected}; see https://cloudevents.io for the NATS binding`,
    { reason: "NOT_A_CLOUD_EVENT", field: name },
  );
}
