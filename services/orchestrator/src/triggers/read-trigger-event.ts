import { type CloudEvent, readCloudEvent } from "@agentmesh/bus";
import { AppError, isAppError } from "@agentmesh/errors";
import { inspectValue, type Policy } from "@agentmesh/inspect";
import type { JsMsg } from "@nats-io/jetstream";
import { isTooDeep, type Mapped } from "../domain/mapping.ts";
import type { TriggerSpec } from "../domain/workflow-spec.ts";
import type { StartRequest } from "../engine/start-runs.ts";

/** A trigger made ready. */
export type Trigger = {
  readonly tenant: string;
  readonly name: string;
  readonly spec: TriggerSpec;
  readonly input: Mapped;
  readonly durable: string;
};

export type Found = { readonly kinds: readonly string[]; readonly action: "redact" | "block" };

/** What an event asks for, or why it starts nothing; with what was found in its text. */
export type ReadEvent = {
  readonly eventId: string;
  readonly outcome: { readonly request: StartRequest } | { readonly error: AppError };
  readonly found: Found | undefined;
};

export function readTriggerEvent(trigger: Trigger, message: JsMsg, policy: Policy): ReadEvent {
  // What is said of an event before it is known to be one.
  const eventId = (message.headers?.get("ce-id") ?? "").slice(0, 256);
  try {
    const event = readEvent(trigger, message);
    const { value, findings, blocked, problem } = inspectValue(inputOf(trigger, event, message), policy);
    const kinds = [...new Set(findings.filter((one) => one.action !== "allow").map((one) => one.kind))];
    const found: Found | undefined =
      kinds.length > 0 || blocked ? { kinds, action: blocked ? "block" : "redact" } : undefined;
    if (blocked) return { eventId, found, outcome: { error: blockedError(kinds, problem) } };
    return { eventId, found, outcome: { request: requestOf(trigger, event, value) } };
  } catch (error) {
    if (!isAppError(error)) throw error;
    return { eventId, found: undefined, outcome: { error } };
  }
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

type Parsed = CloudEvent & { readonly data: unknown };

function readEvent(trigger: Trigger, message: JsMsg): Parsed {
  const { maxBytes } = trigger.spec;
  if (message.data.length > maxBytes) {
    throw invalid(
      "TOO_LARGE",
      `the event has ${message.data.length} bytes, more than the trigger's maxBytes of ${maxBytes}`,
    );
  }
  const event = readCloudEvent(message);
  // Both become parts of keys and of what people read.
  if (CONTROL.test(event.id + event.source)) {
    throw invalid("NOT_A_CLOUD_EVENT", "ce-id or ce-source holds control characters; CloudEvents forbids them");
  }
  if (!/^application\/(json|[\w.-]+\+json)\b/.test(event.contentType)) {
    throw invalid("BAD_JSON", `content-type is ${event.contentType}, expected application/json`);
  }
  let data: unknown;
  try {
    data = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(event.body));
  } catch (cause) {
    throw invalid("BAD_JSON", `the body is not JSON in UTF-8: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (isTooDeep(data)) throw invalid("BAD_JSON", "the body is nested too deeply; flatten it");
  return { ...event, data };
}

function inputOf(trigger: Trigger, event: Parsed, message: JsMsg): unknown {
  const { id, source, type, time, data } = event;
  const subject = message.headers?.get("ce-subject") || null;
  const input = trigger.input({ id, source, type, subject, time: time?.toISOString() ?? null, data });
  if (input !== null && typeof input === "object" && !Array.isArray(input)) return input;
  throw invalid(
    "INVALID_INPUT",
    `the trigger's input maps to ${JSON.stringify(input)?.slice(0, 60)}, expected an object`,
  );
}

function requestOf(trigger: Trigger, event: Parsed, input: unknown): StartRequest {
  const { tenant, name, spec } = trigger;
  return {
    tenant,
    workflow: spec.workflow,
    input,
    // Publishers choose their sources and ids freely, so one cannot take another's.
    dedupeKey: `event:${event.publisher}:${event.source}#${event.id}`,
    priority: undefined,
    subject: `svc:${spec.runAs}`,
    actors: [`publisher:${event.publisher}`],
    origin: `trigger:${name}:${event.id}`,
    requestId: event.id,
    traceparent: event.traceparent,
  };
}

function blockedError(kinds: readonly string[], problem: string | undefined): AppError {
  const why = problem ?? `it holds ${kinds.join(", ")}, which the tenant's policy blocks`;
  return invalid("DLP_BLOCKED", `the event's data is refused: ${why}`);
}

function invalid(reason: string, message: string): AppError {
  return new AppError("INVALID_ARGUMENT", message, { reason });
}
