import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import { archiveRuns, deleteArchived, deleteArrived, deleteRejections } from "../store/archive.ts";
import { keepPartitions } from "../store/event-partitions.ts";
import { repeat } from "./repeat.ts";

const MAX_ROWS = 500;
const MAX_ROUNDS = 50;
const DAY_MS = 24 * 3600 * 1000;

/** Archives and deletes what is old, some at a time, and makes room for the events to come. Replicas share the work. */
export function startRetention(context: Context): AsyncDisposable {
  return repeat(context, "retention", context.config.retention.everyMs, () => retain(context, new Date()));
}

/** One round. @param now its clock */
export async function retain(context: Context, now: Date): Promise<void> {
  const { eventDays, runDays, archiveDays, rejectionDays, arrivedDays } = context.config.retention;
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS);
  await context.db.transaction((tx) => keepPartitions(tx, now, before(eventDays)));
  await inBatches(context, (tx) => archiveRuns(tx, before(runDays), MAX_ROWS));
  await inBatches(context, (tx) => deleteArchived(tx, before(archiveDays), MAX_ROWS));
  await inBatches(context, (tx) => deleteRejections(tx, before(rejectionDays), MAX_ROWS));
  await inBatches(context, (tx) => deleteArrived(tx, before(arrivedDays), MAX_ROWS));
}

async function inBatches(context: Context, batch: (tx: Transaction) => Promise<number>): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const rows = await context.db.transaction(batch);
    if (rows < MAX_ROWS) return;
  }
}
