import type { Queryable } from "@agentmesh/postgres";
import { AgentRunEvent } from "@agentmesh/proto/runner";
import type { LiveKey } from "./live-runs.ts";

/** Events of one run that are stored together, their `seq` without gaps. */
export type EventBatch = LiveKey & { readonly events: readonly AgentRunEvent[] };

const INSERT = "INSERT INTO agent_run_event (tenant, run_id, seq, epoch, event)";

// A batch whose answer was lost is stored a second time; under one epoch it is the same.
/** One statement for the batches of many runs. @returns the runs whose batch was stored; the others are another's now */
export async function appendEvents(db: Queryable, batches: readonly EventBatch[]): Promise<Set<string>> {
  const { rows } = await db.query<{ run_id: string }>(
    `WITH held AS (SELECT tenant, id, epoch FROM live_run WHERE (tenant, id) IN (SELECT * FROM unnest($1::text[], $2::uuid[]))
                   ORDER BY id FOR SHARE),
     given AS (SELECT e.* FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::bytea[])
                 AS e (tenant, run_id, seq, epoch, event)
               JOIN held h ON h.tenant = e.tenant AND h.id = e.run_id AND h.epoch = e.epoch),
     stored AS (${INSERT} SELECT * FROM given ON CONFLICT DO NOTHING)
     SELECT DISTINCT run_id FROM given`,
    columnsOf(batches),
  );
  return new Set(rows.map((row) => row.run_id));
}

/** Within a transaction that has made sure of the epoch already. */
export async function insertEvents(tx: Queryable, batch: EventBatch): Promise<void> {
  await tx.query(
    `${INSERT} SELECT * FROM unnest($1::text[], $2::uuid[], $3::int[], $4::int[], $5::bytea[]) ON CONFLICT DO NOTHING`,
    columnsOf([batch]),
  );
}

function columnsOf(batches: readonly EventBatch[]): unknown[][] {
  const rows = batches.flatMap((batch) => batch.events.map((event) => ({ batch, event })));
  return [
    rows.map(({ batch }) => batch.tenant),
    rows.map(({ batch }) => batch.id),
    rows.map(({ event }) => event.seq),
    rows.map(({ batch }) => batch.epoch),
    rows.map(({ event }) => Buffer.from(AgentRunEvent.encode(event).finish())),
  ];
}

export async function readEvents(
  db: Queryable,
  page: { readonly tenant: string; readonly id: string; readonly afterSeq: number; readonly limit: number },
): Promise<AgentRunEvent[]> {
  const { rows } = await db.query<{ event: Buffer }>(
    "SELECT event FROM agent_run_event WHERE tenant = $1 AND run_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
    [page.tenant, page.id, page.afterSeq, page.limit],
  );
  return rows.map(({ event }) => AgentRunEvent.decode(event));
}

/** 0: there is none, or no longer. */
export async function readLastSeq(db: Queryable, tenant: string, id: string): Promise<number> {
  const { rows } = await db.query<{ seq: number | null }>(
    "SELECT max(seq) AS seq FROM agent_run_event WHERE tenant = $1 AND run_id = $2",
    [tenant, id],
  );
  return rows[0]?.seq ?? 0;
}

/** The oldest ones, a bounded number. @returns how many */
export async function deleteOldEvents(db: Queryable, olderThanMs: number, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM agent_run_event WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM agent_run_event WHERE at < now() - $1 * interval '1 millisecond' ORDER BY at LIMIT $2))`,
    [olderThanMs, limit],
  );
  return rowCount;
}

const MAX_TEXT_EVENTS = 10_000;

/** What a run said under an epoch, for an estimate of what it cost. */
export async function readTextOf(db: Queryable, tenant: string, id: string, epoch: number): Promise<string> {
  const { rows } = await db.query<{ event: Buffer }>(
    "SELECT event FROM agent_run_event WHERE tenant = $1 AND run_id = $2 AND epoch = $3 ORDER BY seq LIMIT $4",
    [tenant, id, epoch, MAX_TEXT_EVENTS],
  );
  const events = rows.map(({ event }) => AgentRunEvent.decode(event).event);
  return events.map((event) => (event?.$case === "textDelta" ? event.value : "")).join("");
}
