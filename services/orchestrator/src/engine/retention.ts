import type { Database, Transaction } from "@agentmesh/postgres";
import type { OrchestratorConfig } from "../config.ts";
import type { Context } from "../context.ts";
import { archiveRuns, deleteArchived, deleteArrived, deleteRejections } from "../store/archive.ts";
import { deleteMatches } from "../store/event-matches.ts";
import { keepPartitions } from "../store/event-partitions.ts";
import { markGone } from "../store/trigger-bindings.ts";
import { waitConsumer } from "../triggers/wait-consumer.ts";
import { repeat } from "./repeat.ts";

const MAX_ROWS = 500;
const MAX_ROUNDS = 50;
const DAY_MS = 24 * 3600 * 1000;

/** Archives and deletes what is old, some at a time, and makes room for the events to come. Replicas share the work. */
export function startRetention({ config, db, log }: Context): AsyncDisposable {
  const { retention } = config;
  return repeat({ log }, "retention", retention.everyMs, () => retain(db, retention, new Date()));
}

/** One round. */
export async function retain(db: Database, policy: OrchestratorConfig["retention"], now: Date): Promise<void> {
  const before = (days: number) => new Date(now.getTime() - days * DAY_MS);
  await db.transaction((tx) => keepPartitions(tx, now, before(policy.eventDays)));
  await inBatches(db, (tx) => archiveRuns(tx, before(policy.runDays), MAX_ROWS));
  await inBatches(db, (tx) => deleteArchived(tx, before(policy.archiveDays), MAX_ROWS));
  await inBatches(db, (tx) => deleteRejections(tx, before(policy.rejectionDays), MAX_ROWS));
  await inBatches(db, (tx) => deleteArrived(tx, before(policy.arrivedDays), MAX_ROWS));
  await inBatches(db, (tx) => dropMatches(tx, MAX_ROWS));
}

/** Kinds of events that nobody waits for any more: not kept, and not listened for. */
async function dropMatches(tx: Transaction, limit: number): Promise<number> {
  const { looked, gone } = await deleteMatches(tx, limit);
  for (const kind of gone) await markGone(tx, waitConsumer(kind));
  return looked;
}

async function inBatches(db: Database, batch: (tx: Transaction) => Promise<number>): Promise<void> {
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const rows = await db.transaction(batch);
    if (rows < MAX_ROWS) return;
  }
}
