import { subjectToken } from "@agentmesh/bus";
import { sha256Hex } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { StoredResource } from "@agentmesh/resources";
import { deleteSchedule, readSchedule, writeSchedule } from "../store/schedules.ts";
import { deleteBinding, markGone, readBinding, writeBinding } from "../store/trigger-bindings.ts";
import { nextTime } from "./cron-times.ts";
import { type EventSource, type ScheduleSpec, triggerSpec } from "./trigger-spec.ts";

/** Keeps a trigger's consumer or times in step with its resource, in the transaction that changes it. */
export async function bindTrigger(tx: Transaction, row: StoredResource): Promise<void> {
  if (row.kind !== "Trigger") return;
  const spec = row.deleted ? undefined : triggerSpec.parse(row.spec);
  await bindEvent(tx, row, spec?.event);
  await bindSchedule(tx, row, spec?.schedule);
}

/** It runs from when it was made or its times were changed; a change of anything else keeps the next one. */
async function bindSchedule(tx: Transaction, row: StoredResource, schedule: ScheduleSpec | undefined): Promise<void> {
  const { tenant, name } = row;
  const before = await readSchedule(tx, tenant, name);
  if (!schedule) return before && deleteSchedule(tx, tenant, name);
  const known = before && triggerSpec.parse(before.spec).schedule;
  const isSame = known?.cron === schedule.cron && known.timeZone === schedule.timeZone;
  const next = isSame ? before?.next_at : nextTime(schedule.cron, schedule.timeZone, row.applied_at);
  await writeSchedule(tx, { tenant, name, spec: row.spec, next_at: next ?? null });
}

/** It listens from when it was made or its event was changed; a change of anything else keeps its place in the stream. */
async function bindEvent(tx: Transaction, row: StoredResource, event: EventSource | undefined): Promise<void> {
  const { tenant, name, version } = row;
  const before = await readBinding(tx, tenant, name);
  if (!event) {
    if (before) await markGone(tx, before.durable);
    await deleteBinding(tx, tenant, name);
    return;
  }
  const filter = `evt.${subjectToken(tenant)}.${event.publisher}.${event.type}.>`;
  const kept = before?.filter === filter ? before : undefined;
  if (before && !kept) await markGone(tx, before.durable);
  const since = kept?.since ?? row.applied_at;
  await writeBinding(tx, {
    tenant,
    name,
    version,
    spec: row.spec,
    filter,
    durable: kept?.durable ?? durableName(tenant, name, `${filter}@${since.toISOString()}`),
    since,
  });
}

/** One for each trigger, event and time: a trigger that is made again does not go on where the old one stopped. */
function durableName(tenant: string, name: string, what: string): string {
  return `orchestrator-trigger-${subjectToken(tenant)}-${name}-${sha256Hex(what).slice(0, 12)}`;
}
