import type { Queryable, Transaction } from "@agentmesh/postgres";
import type { RunPhase, StepFailure } from "../domain/run-state.ts";
import type { StoredRun } from "./run-rows.ts";

/** The smallest UUIDv7 of a time. */
export function firstIdAt(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

/**
 * Moves finished runs that ended before a time to the archive: their head, state, cost, times and failure stay, their
 * steps, approvals and waits go. In the order of their ids, which sort by time: what is old and not finished is little.
 *
 * @returns how many; fewer than `limit` when there are no more
 */
export async function archiveRuns(tx: Transaction, before: Date, limit: number): Promise<number> {
  const { rows } = await tx.query<{ id: string }>(
    `SELECT id FROM run WHERE id < $1 AND ended_at < $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED`,
    [firstIdAt(before), before.toISOString(), limit],
  );
  if (rows.length === 0) return 0;
  await tx.query(
    `WITH steps AS (
       DELETE FROM step WHERE run = ANY($1::uuid[]) RETURNING run
     ), approvals AS (
       DELETE FROM approval WHERE run = ANY($1::uuid[])
     ), waits AS (
       DELETE FROM event_wait WHERE run = ANY($1::uuid[])
     ), gone AS (
       DELETE FROM run WHERE id = ANY($1::uuid[])
       RETURNING id, tenant, workflow, version, state, priority, subject, origin, dedupe_key, parent_run, parent_node,
         failure, cost_nano_usd, created_at, ended_at
     )
     INSERT INTO run_archive (id, tenant, workflow, version, state, priority, subject, origin, dedupe_key, parent_run,
       parent_node, failure, cost_nano_usd, steps, created_at, ended_at)
     SELECT gone.id, tenant, workflow, version, state, priority, subject, origin, dedupe_key, parent_run, parent_node,
       failure, cost_nano_usd, (SELECT count(*) FROM steps WHERE steps.run = gone.id), created_at, ended_at
     FROM gone ON CONFLICT DO NOTHING`,
    [rows.map((row) => row.id)],
  );
  return rows.length;
}

/** Deletes archived runs that started before a time. @returns how many; fewer than `limit` when there are no more */
export async function deleteArchived(tx: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await tx.query(
    "DELETE FROM run_archive WHERE id IN (SELECT id FROM run_archive WHERE id < $1 ORDER BY id LIMIT $2)",
    [firstIdAt(before), limit],
  );
  return rowCount;
}

/** Deletes rejections older than a time. @returns as deleteArchived */
export async function deleteRejections(tx: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await tx.query(
    "DELETE FROM rejection WHERE id IN (SELECT id FROM rejection WHERE id < $1 ORDER BY id LIMIT $2)",
    [firstIdAt(before), limit],
  );
  return rowCount;
}

/** Deletes events that nobody waited for in time. @returns as deleteArchived */
export async function deleteArrived(tx: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await tx.query(
    `DELETE FROM arrived_event WHERE id IN (
       SELECT id FROM arrived_event WHERE stored_at < $1 ORDER BY stored_at LIMIT $2)`,
    [before.toISOString(), limit],
  );
  return rowCount;
}

type ArchivedRow = {
  id: string;
  tenant: string;
  workflow: string;
  version: number;
  state: RunPhase;
  priority: number;
  subject: string;
  origin: string;
  dedupe_key: string | null;
  parent_run: string | null;
  parent_node: string | null;
  failure: StepFailure | null;
  cost_nano_usd: bigint;
  created_at: Date;
  ended_at: Date;
};

/** What is left of an archived run, as a run without steps and values. */
export async function readArchived(db: Queryable, tenant: string, id: string): Promise<StoredRun | undefined> {
  const { rows } = await db.query<ArchivedRow>("SELECT * FROM run_archive WHERE id = $1 AND tenant = $2", [id, tenant]);
  const [row] = rows;
  return row && toStored(row);
}

function toStored(row: ArchivedRow): StoredRun {
  const endedAtMs = row.ended_at.getTime();
  return {
    head: {
      tenant: row.tenant,
      workflow: row.workflow,
      version: row.version,
      priority: row.priority,
      subject: row.subject,
      actors: [],
      origin: row.origin,
      dedupeKey: row.dedupe_key ?? "",
      traceparent: undefined,
      createdAt: row.created_at,
      depth: 0,
      light: false,
    },
    state: {
      id: row.id,
      phase: row.state,
      input: undefined,
      output: null,
      failure: row.failure ?? undefined,
      seq: 0,
      cancelRequested: row.state === "cancelled",
      deadlineMs: endedAtMs,
      endedAtMs,
      costNanoUsd: row.cost_nano_usd,
      wakeAtMs: undefined,
      pausedAtMs: undefined,
      pausedWithParent: false,
      parentSeq: 0,
      ending: undefined,
      slaAtMs: undefined,
      atRisk: false,
      parent: row.parent_run === null ? undefined : { run: row.parent_run, node: row.parent_node ?? "", shard: 0 },
      startedBy: row.subject,
      createdAtMs: row.created_at.getTime(),
      steps: new Map(),
    },
  };
}
