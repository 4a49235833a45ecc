import { recordAudits } from "@agentmesh/audit";
import { emitAll } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import { dlpFoundEvent } from "@agentmesh/proto/compliance.contract";
import { triggerRejectedEvent } from "@agentmesh/proto/orchestrator.contract";
import type { Context } from "../context.ts";
import { type StartOutcome, type StartRequest, startRuns } from "../engine/start-runs.ts";
import { insertRejections, type StoredRejection } from "../store/rejections.ts";
import type { Trigger, Weighed } from "./weigh-occasion.ts";

const MAX_MESSAGE_CHARS = 500;

export type Applied =
  | { readonly kind: "started" | "duplicate"; readonly runId: string }
  | { readonly kind: "rejected"; readonly error: AppError };

/**
 * Starts a run for each occasion, in the transaction given: exactly one for each workflow and dedupe key, however often
 * it comes. What starts nothing is kept as a rejection.
 *
 * @param runAsUnknown the service account is known not to be there
 * @returns what became of each, in their order
 */
export async function applyOccasions(
  context: Context,
  tx: Transaction,
  trigger: Trigger,
  batch: readonly Weighed[],
  runAsUnknown: boolean,
): Promise<Applied[]> {
  const requests = runAsUnknown ? [] : batch.flatMap(({ outcome }) => ("request" in outcome ? [outcome.request] : []));
  const outcomes = await startRuns(context, tx, requests);
  const byRequest = new Map(requests.map((request, index) => [request, outcomes[index]]));
  const applied = batch.map((one) => becameOf(trigger, one, byRequest, runAsUnknown));
  const rejections = applied.flatMap((one, index) => {
    const weighed = batch[index];
    return one.kind === "rejected" && weighed ? [{ weighed, stored: rejectionOf(trigger, weighed, one.error) }] : [];
  });
  await reject(tx, trigger, rejections);
  await tellFound(
    tx,
    trigger,
    batch.filter((_, index) => applied[index]?.kind !== "duplicate"),
  );
  tx.afterCommit(() => count(context, applied));
  return applied;
}

function count({ metrics }: Context, applied: readonly Applied[]): void {
  const of = (kind: Applied["kind"]) => applied.filter((one) => one.kind === kind).length;
  metrics.started("trigger", of("started"));
  metrics.triggerEvents("started", of("started"));
  metrics.triggerEvents("duplicate", of("duplicate"));
  metrics.triggerEvents("rejected", of("rejected"));
}

function becameOf(
  trigger: Trigger,
  { outcome }: Weighed,
  outcomes: ReadonlyMap<StartRequest, StartOutcome | undefined>,
  runAsUnknown: boolean,
): Applied {
  if ("error" in outcome) return { kind: "rejected", error: outcome.error };
  const started = outcomes.get(outcome.request);
  if (runAsUnknown || !started) return { kind: "rejected", error: unknownRunAs(trigger) };
  switch (started.kind) {
    case "refused":
      return { kind: "rejected", error: started.error };
    case "known":
      return { kind: "duplicate", runId: started.runId };
    case "started":
      return { kind: "started", runId: started.run.state.id };
    default:
      return started satisfies never;
  }
}

function unknownRunAs({ spec }: Trigger): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `the trigger runs as ${spec.runAs}, and there is no such service account; apply it or change runAs`,
    { reason: "RUN_AS_UNKNOWN" },
  );
}

function rejectionOf(trigger: Trigger, { eventId, delivery, subject }: Weighed, error: AppError): StoredRejection {
  return {
    id: newId(),
    tenant: trigger.tenant,
    trigger: trigger.name,
    delivery,
    subject,
    event_id: printable(eventId),
    code: error.reason ?? error.code,
    message: printable(error.message).slice(0, MAX_MESSAGE_CHARS),
    at: new Date(),
  };
}

/** PostgreSQL keeps no NUL in texts. */
function printable(text: string): string {
  return text.replaceAll("\0", "\uFFFD");
}

type Rejected = { readonly weighed: Weighed; readonly stored: StoredRejection };

async function reject(tx: Transaction, trigger: Trigger, rejections: readonly Rejected[]): Promise<void> {
  const stored = await insertRejections(
    tx,
    rejections.map((one) => one.stored),
  );
  const fresh = rejections.filter((one) => stored.has(one.stored.id));
  if (fresh.length === 0) return;
  const { tenant, name } = trigger;
  await emitAll(
    tx,
    triggerRejectedEvent,
    fresh.map(({ stored: { id, event_id, code, message } }) => ({
      tenant,
      data: { rejectionId: id, trigger: name, eventId: event_id, code, message },
    })),
  );
  await recordAudits(
    tx,
    fresh.map(({ weighed, stored: { event_id, code } }) => ({
      tenant,
      service: "orchestrator",
      subject: weighed.actor,
      action: "trigger.rejected",
      resource: `Trigger/${name}`,
      outcome: "denied",
      reason: code,
      requestId: event_id,
    })),
  );
}

/** Says what was found, once an event: not for one whose run was there already. */
async function tellFound(tx: Transaction, { tenant }: Trigger, batch: readonly Weighed[]): Promise<void> {
  const found = batch.flatMap(({ found: what, eventId, actor }) => (what ? [{ ...what, eventId, actor }] : []));
  if (found.length === 0) return;
  await emitAll(
    tx,
    dlpFoundEvent,
    found.map(({ kinds, action, eventId, actor }) => ({
      tenant,
      publisher: "orchestrator",
      data: { requestId: eventId, place: "orchestrator.trigger", kinds: [...kinds], action, subject: actor },
    })),
  );
}
