import { AppError, isAppError } from "@agentmesh/errors";
import { inSpan } from "@agentmesh/telemetry";
import type { JsMsg } from "@nats-io/jetstream";
import type { Context } from "../context.ts";
import type { Snapshots } from "../snapshots.ts";
import { applyOccasions } from "./apply-occasions.ts";
import { readTriggerEvent } from "./read-trigger-event.ts";
import type { Trigger, Weighed } from "./weigh-occasion.ts";

type Handled = { readonly message: JsMsg; readonly event: Weighed };

/** Starts a run for each event of a batch, in one transaction, and acknowledges all of them after the commit. */
export async function handleEvents(
  context: Context,
  snapshots: Snapshots,
  trigger: Trigger,
  messages: readonly JsMsg[],
): Promise<void> {
  const policy = await snapshots.policyOf(trigger.tenant);
  const runAsUnknown = (await snapshots.exists("ServiceAccount", trigger.tenant, trigger.spec.runAs)) === false;
  const batch = messages.map((message) => ({ message, event: readTriggerEvent(trigger, message, policy) }));
  const apply = (some: readonly Weighed[]) =>
    context.db.transaction((tx) => applyOccasions(context, tx, trigger, some, runAsUnknown));
  const traceparent = messages[0]?.headers?.get("traceparent") || undefined;
  await inSpan(`trigger ${trigger.name}`, { kind: "consumer", traceparent }, async () => {
    try {
      await apply(batch.map(({ event }) => event));
      for (const message of messages) message.ack();
    } catch (error) {
      if (isAppError(error) && error.retryable) throw error;
      // One event may be what cannot be applied; the others must not wait behind it for ever.
      for (const one of batch) await applyAlone(trigger, one, apply);
    }
  });
}

const MAX_DELIVERIES = 5;
const RETRY_AFTER_MS = 1000;

/** What fails each time for a reason of its own becomes a rejection. */
async function applyAlone(
  trigger: Trigger,
  { message, event }: Handled,
  apply: (some: readonly Weighed[]) => Promise<unknown>,
): Promise<void> {
  try {
    await apply([event]);
  } catch (cause) {
    const retryable = isAppError(cause) && cause.retryable;
    if (retryable || message.info.deliveryCount < MAX_DELIVERIES) {
      message.nak(RETRY_AFTER_MS);
      return;
    }
    const error = new AppError("INTERNAL", `trigger ${trigger.name} could not apply the event`, {
      reason: "NOT_APPLIED",
      cause,
    });
    await apply([{ ...event, outcome: { error } }]);
  }
  message.ack();
}
