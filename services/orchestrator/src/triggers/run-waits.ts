import { type Consumer, consume, EVENTS_STREAM, readCloudEvent } from "@agentmesh/bus";
import { describeError } from "@agentmesh/errors";
import { inspectValue, type Policy } from "@agentmesh/inspect";
import { watchResources } from "@agentmesh/resources";
import type { JsMsg } from "@nats-io/jetstream";
import type { Context } from "../context.ts";
import { type ArrivedEvent, deliverEvents } from "../engine/deliver-events.ts";
import { repeat } from "../engine/repeat.ts";
import type { Snapshots } from "../snapshots.ts";
import { type EventMatch, listMatches } from "../store/event-matches.ts";
import { unmarkGone } from "../store/trigger-bindings.ts";
import { readJson } from "./read-json.ts";
import { waitConsumer, waitFilter } from "./wait-consumer.ts";

const RECONCILE_EVERY_MS = 5_000;
const MAX_BATCH = 128;
const MAX_LISTENED = 1_000;
// A consumer is made a moment after the workflow that needs it; what came in between counts.
const LOOK_BACK_MS = 60_000;
const MAX_BYTES = 512 * 1024;

/** Keeps the events that workflows wait for: one durable consumer for each publisher and type, shared by the replicas. */
export function runWaits(context: Context, snapshots: Snapshots): AsyncDisposable {
  const { bus, db, log } = context;
  const listening = new Map<string, Consumer>();

  async function listen(filter: string, match: EventMatch): Promise<void> {
    const { tenant } = match;
    if (listening.has(filter)) return;
    if (listening.size >= MAX_LISTENED) {
      log.error({ most: MAX_LISTENED, filter }, "more kinds of events are waited for than a replica listens for");
      return;
    }
    const durable = waitConsumer(match);
    await unmarkGone(db, durable);
    const consumer = consume(bus, {
      stream: EVENTS_STREAM,
      durable,
      filter,
      since: new Date(Date.now() - LOOK_BACK_MS),
      maxBatch: MAX_BATCH,
      handle: (messages) => keepEvents(context, snapshots, match, messages),
    });
    listening.set(filter, consumer);
    log.info({ tenant, filter }, "events are waited for");
  }

  const rounds = repeat(context, "waits", RECONCILE_EVERY_MS, async () => {
    const wanted = new Map((await listMatches(db)).map((match) => [waitFilter(match), match]));
    for (const [filter, consumer] of listening) {
      if (wanted.has(filter)) continue;
      listening.delete(filter);
      await consumer[Symbol.asyncDispose]();
      log.info({ filter }, "events are waited for no more");
    }
    for (const [filter, match] of wanted) await listen(filter, match);
  });
  const changes = watchResources<unknown>(bus, "Workflow", (spec) => spec, { onChange: () => rounds.wake() });
  return {
    async [Symbol.asyncDispose]() {
      await changes[Symbol.asyncDispose]();
      await rounds[Symbol.asyncDispose]();
      await Promise.all([...listening.values()].map((consumer) => consumer[Symbol.asyncDispose]()));
    },
  };
}

/** In one transaction, acknowledged after its commit; a second delivery changes nothing. */
async function keepEvents(
  context: Context,
  snapshots: Snapshots,
  match: EventMatch,
  messages: readonly JsMsg[],
): Promise<void> {
  const policy = await snapshots.policyOf(match.tenant);
  const events = messages.flatMap((message) => readArrived(context, match, message, policy) ?? []);
  await context.db.transaction((tx) => deliverEvents(context, tx, events));
  for (const message of messages) message.ack();
}

/** An event by the tenant's policy; what is none, or may not be kept, is nobody's to wait for. */
function readArrived(
  { log }: Context,
  { tenant, publisher, type }: EventMatch,
  message: JsMsg,
  policy: Policy,
): ArrivedEvent | undefined {
  try {
    const { id, contentType, body, time } = readCloudEvent(message);
    if (body.length > MAX_BYTES) throw new Error(`it has ${body.length} bytes, more than ${MAX_BYTES}`);
    const { value, blocked } = inspectValue(readJson(contentType, body), policy);
    if (blocked) throw new Error("the tenant's data policy blocks what it holds");
    return { tenant, publisher, type, eventId: id, data: value, at: time ?? new Date() };
  } catch (error) {
    log.warn({ subject: message.subject, reason: describeError(error) }, "an event is no one's to wait for");
    return undefined;
  }
}
