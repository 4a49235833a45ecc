import { describeError } from "@agentmesh/errors";
import { compileMapping } from "@agentmesh/mapping";
import type { Transaction } from "@agentmesh/postgres";
import { inSpan } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import { repeat } from "../engine/repeat.ts";
import type { Snapshots } from "../snapshots.ts";
import { lockDueSchedule, postponeSchedule, type StoredSchedule, writeSchedule } from "../store/schedules.ts";
import { applyOccasions } from "./apply-occasions.ts";
import { dueTimes } from "./cron-times.ts";
import { triggerSpec } from "./trigger-spec.ts";
import { type Trigger, type Weighed, weighOccasion } from "./weigh-occasion.ts";

const MAX_ROUNDS = 500;
const AFTER_FAILURE_MS = 30_000;

/**
 * Starts runs at the times of schedules: a replica locks a due one, starts its runs and moves it on in one transaction,
 * and the run's dedupe key is the time, so that however many replicas look, each time starts one run.
 */
export function runSchedules(context: Context, snapshots: Snapshots): AsyncDisposable {
  return repeat(context, "schedules", context.config.engine.sweepEveryMs, async () => {
    for (let round = 0; round < MAX_ROUNDS; round++) {
      if (!(await fireOne(context, snapshots))) return;
    }
  });
}

/** @returns whether there was one */
async function fireOne(context: Context, snapshots: Snapshots): Promise<boolean> {
  let found: StoredSchedule | undefined;
  try {
    return await context.db.transaction(async (tx) => {
      const due = await lockDueSchedule(tx);
      found = due;
      if (due) await inSpan(`trigger ${due.name}`, { kind: "consumer" }, () => fire(context, snapshots, tx, due));
      return due !== undefined;
    });
  } catch (error) {
    if (!found) throw error;
    const { tenant, name } = found;
    context.log.error({ tenant, trigger: name, reason: describeError(error) }, "schedule not fired; it is tried again");
    await postponeSchedule(context.db, tenant, name, AFTER_FAILURE_MS);
    return true;
  }
}

async function fire(
  context: Context,
  snapshots: Snapshots,
  tx: Transaction,
  { tenant, name, spec, next_at, now }: StoredSchedule & { readonly now: Date },
): Promise<void> {
  const read = triggerSpec.parse(spec);
  const { schedule } = read;
  if (!schedule || !next_at) return writeSchedule(tx, { tenant, name, spec, next_at: null });
  const trigger: Trigger = { tenant, name, spec: read, input: compileMapping(read.input) };
  const policy = await snapshots.policyOf(tenant);
  const runAsUnknown = (await snapshots.exists("ServiceAccount", tenant, read.runAs)) === false;
  const { fire: times, skipped, next } = dueTimes(schedule, next_at, now);
  if (skipped > 0) {
    context.log.warn({ tenant, trigger: name, skipped, missed: schedule.missed }, "times of a schedule were missed");
  }
  const batch = times.map((time) => occasionAt(trigger, time, policy));
  await applyOccasions(context, tx, trigger, batch, runAsUnknown);
  await writeSchedule(tx, { tenant, name, spec, next_at: next ?? null });
}

function occasionAt(trigger: Trigger, time: Date, policy: Parameters<typeof weighOccasion>[2]): Weighed {
  const id = time.toISOString();
  const source = `schedule:${trigger.name}`;
  const arrival = { eventId: id, delivery: id, subject: source, actor: source };
  return weighOccasion(trigger, arrival, policy, () => ({
    id,
    source,
    type: "schedule",
    subject: null,
    time,
    data: { scheduledAt: id },
    dedupeKey: `event:${source}#${id}`,
    traceparent: undefined,
  }));
}
