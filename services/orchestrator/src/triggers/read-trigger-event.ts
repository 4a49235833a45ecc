import { readCloudEvent } from "@agentmesh/bus";
import type { Policy } from "@agentmesh/inspect";
import type { JsMsg } from "@nats-io/jetstream";
import { readJson } from "./read-json.ts";
import { invalid, type Occasion, type Trigger, type Weighed, weighOccasion } from "./weigh-occasion.ts";

/** What an event of the bus asks a trigger for. */
export function readTriggerEvent(trigger: Trigger, message: JsMsg, policy: Policy): Weighed {
  const arrival = {
    // What is said of an event before it is known to be one.
    eventId: (message.headers?.get("ce-id") ?? "").slice(0, 256),
    // A stream that was lost starts to count again, so the time belongs to it.
    delivery: `${message.seq}@${message.info.timestampNanos}`,
    subject: message.subject,
    actor: `publisher:${trigger.spec.event?.publisher}`,
  };
  return weighOccasion(trigger, arrival, policy, () => readOccasion(trigger, message));
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

function readOccasion(trigger: Trigger, message: JsMsg): Occasion {
  const { maxBytes } = trigger.spec;
  if (message.data.length > maxBytes) {
    throw invalid(
      "TOO_LARGE",
      `the event has ${message.data.length} bytes, more than the trigger's maxBytes of ${maxBytes}`,
    );
  }
  const { id, source, type, time, publisher, contentType, body, traceparent } = readCloudEvent(message);
  // Both become parts of keys and of what people read.
  if (CONTROL.test(id + source)) {
    throw invalid("NOT_A_CLOUD_EVENT", "ce-id or ce-source holds control characters; CloudEvents forbids them");
  }
  // NATS checked the subject and not the header: a publisher that is limited to some types must not name another one here.
  const stamped = message.subject.split(".").slice(3).join(".");
  if (!stamped.startsWith(`${type}.`)) {
    throw invalid("TYPE_MISMATCH", `ce-type is ${type.slice(0, 60)}, and the event came on the subject of ${stamped}`);
  }
  return {
    id,
    source,
    type,
    subject: message.headers?.get("ce-subject") || null,
    time,
    data: readJson(contentType, body),
    // Publishers choose their sources and ids freely, so one cannot take another's.
    dedupeKey: `event:${publisher}:${source}#${id}`,
    traceparent,
  };
}
