import { recordAudits } from "@agentmesh/audit";
import { emitAll } from "@agentmesh/bus";
import { AppError, isAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import { dlpFoundEvent } from "@agentmesh/proto/compliance.contract";
import { triggerRejectedEvent } from "@agentmesh/proto/orchestrator.contract";
import { inSpan } from "@agentmesh/telemetry";
import type { JsMsg } from "@nats-io/jetstream";
import type { Context } from "../context.ts";
import { type StartOutcome, type StartRequest, startRuns } from "../engine/start-runs.ts";
import type { Snapshots } from "../snapshots.ts";
import { insertRejections, type StoredRejection } from "../store/rejections.ts";
import { type ReadEvent, readTriggerEvent, type Trigger } from "./read-trigger-event.ts";

type Handled = { readonly message: JsMsg; readonly event: ReadEvent };

const MAX_MESSAGE_CHARS = 500;

/**
 * Starts a run for each event of a batch, in one transaction: exactly one run for each workflow and event, however
 * often it is delivered. What starts nothing is kept as a rejection. All are acknowledged after the commit.
 */
export async function handleEvents(
  context: Context,
  snapshots: Snapshots,
  trigger: Trigger,
  messages: readonly JsMsg[],
): Promise<void> {
  const policy = await snapshots.policyOf(trigger.tenant);
  const runAsKnown = await snapshots.exists("ServiceAccount", trigger.tenant, trigger.spec.runAs);
  const batch = messages.map((message) => ({ message, event: readTriggerEvent(trigger, message, policy) }));
  const apply = (some: readonly Handled[]) => applyBatch(context, trigger, some, runAsKnown === false);
  const traceparent = messages[0]?.headers?.get("traceparent") || undefined;
  await inSpan(`trigger ${trigger.name}`, { kind: "consumer", traceparent }, async () => {
    try {
      await apply(batch);
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
  one: Handled,
  apply: (some: readonly Handled[]) => Promise<void>,
): Promise<void> {
  const { message, event } = one;
  try {
    await apply([one]);
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
    await apply([{ message, event: { ...event, outcome: { error } } }]);
  }
  message.ack();
}

async function applyBatch(
  context: Context,
  trigger: Trigger,
  batch: readonly Handled[],
  runAsUnknown: boolean,
): Promise<void> {
  const requests: StartRequest[] = [];
  for (const { event } of batch) {
    if ("request" in event.outcome && !runAsUnknown) requests.push(event.outcome.request);
  }
  const counts = await context.db.transaction(async (tx) => {
    const outcomes = await startRuns(context, tx, requests);
    const byRequest = new Map(requests.map((request, index) => [request, outcomes[index]]));
    const refused = batch.flatMap((one) => {
      const error = whyRejected(trigger, one.event, byRequest, runAsUnknown);
      return error ? [rejectionOf(trigger, one, error)] : [];
    });
    await reject(tx, trigger, refused);
    await tellFound(tx, trigger, batch, byRequest);
    const started = outcomes.filter((outcome) => outcome.kind === "started").length;
    return {
      started,
      duplicate: outcomes.filter((outcome) => outcome.kind === "known").length,
      rejected: refused.length,
    };
  });
  context.metrics.started("trigger", counts.started);
  context.metrics.triggerEvents("started", counts.started);
  context.metrics.triggerEvents("duplicate", counts.duplicate);
  context.metrics.triggerEvents("rejected", counts.rejected);
}

type Outcomes = ReadonlyMap<StartRequest, StartOutcome | undefined>;

function whyRejected(
  trigger: Trigger,
  { outcome }: ReadEvent,
  outcomes: Outcomes,
  runAsUnknown: boolean,
): AppError | undefined {
  if ("error" in outcome) return outcome.error;
  if (runAsUnknown) {
    return new AppError(
      "FAILED_PRECONDITION",
      `the trigger runs as ${trigger.spec.runAs}, and there is no such service account; apply it or change runAs`,
      { reason: "RUN_AS_UNKNOWN" },
    );
  }
  const started = outcomes.get(outcome.request);
  return started?.kind === "refused" ? started.error : undefined;
}

function rejectionOf(trigger: Trigger, { message, event }: Handled, error: AppError): StoredRejection {
  return {
    id: newId(),
    tenant: trigger.tenant,
    trigger: trigger.name,
    // A stream that was lost starts to count again, so the time belongs to it.
    delivery: `${message.seq}@${message.info.timestampNanos}`,
    subject: message.subject,
    event_id: printable(event.eventId),
    code: error.reason ?? error.code,
    message: printable(error.message).slice(0, MAX_MESSAGE_CHARS),
    at: new Date(),
  };
}

/** PostgreSQL keeps no NUL in texts. */
function printable(text: string): string {
  return text.replaceAll("\0", "\uFFFD");
}

async function reject(tx: Transaction, trigger: Trigger, rejections: readonly StoredRejection[]): Promise<void> {
  const stored = await insertRejections(tx, rejections);
  const fresh = rejections.filter((one) => stored.has(one.id));
  if (fresh.length === 0) return;
  await emitAll(
    tx,
    triggerRejectedEvent,
    fresh.map(({ id, event_id, code, message }) => ({
      tenant: trigger.tenant,
      data: { rejectionId: id, trigger: trigger.name, eventId: event_id, code, message },
    })),
  );
  await recordAudits(
    tx,
    fresh.map(({ event_id, code }) => ({
      tenant: trigger.tenant,
      service: "orchestrator",
      subject: `publisher:${trigger.spec.event.publisher}`,
      action: "trigger.rejected",
      resource: `Trigger/${trigger.name}`,
      outcome: "denied",
      reason: code,
      requestId: event_id,
    })),
  );
}

/** Says what was found, once an event: not for one whose run was there already. */
async function tellFound(
  tx: Transaction,
  trigger: Trigger,
  batch: readonly Handled[],
  outcomes: Outcomes,
): Promise<void> {
  const found = batch.flatMap(({ event }) => {
    const again = "request" in event.outcome && outcomes.get(event.outcome.request)?.kind === "known";
    return event.found && !again ? [{ ...event.found, eventId: event.eventId }] : [];
  });
  if (found.length === 0) return;
  await emitAll(
    tx,
    dlpFoundEvent,
    found.map(({ kinds, action, eventId }) => ({
      tenant: trigger.tenant,
      publisher: "orchestrator",
      data: {
        requestId: eventId,
        place: "orchestrator.trigger",
        kinds: [...kinds],
        action,
        subject: `publisher:${trigger.spec.event.publisher}`,
      },
    })),
  );
}
