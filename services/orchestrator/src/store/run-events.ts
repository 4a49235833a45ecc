import type { Queryable } from "@agentmesh/postgres";
import type { RunEvent } from "../domain/draft.ts";

export type StoredEvent = RunEvent & { readonly seq: number; readonly at: Date };

export type EventPage = { readonly events: readonly StoredEvent[]; readonly ended: boolean };

const MAX_ROWS = 200;

/** Events of a run after a cursor, and whether these are the last there will be. */
export async function readEvents(db: Queryable, run: string, after: number): Promise<EventPage> {
  const { rows } = await db.query<{ seq: number; at: Date; events: RunEvent[]; last: number; state: string }>(
    `SELECT e.seq, e.at, e.events, r.seq AS last, r.state
     FROM run r LEFT JOIN LATERAL (
       SELECT seq, at, events FROM run_event WHERE run = r.id AND seq > $2 ORDER BY seq LIMIT $3) AS e ON true
     WHERE r.id = $1`,
    [run, after, MAX_ROWS],
  );
  const events = rows.flatMap((row) => spread(row)).filter((event) => event.seq > after);
  const [first] = rows;
  const ended = first === undefined || first.state !== "running";
  return { events, ended: ended && rows.length < MAX_ROWS };
}

/** A row holds the events of one advance; its sequence is that of the last. */
function spread(row: { seq: number | null; at: Date; events: RunEvent[] | null }): StoredEvent[] {
  const { seq, at, events } = row;
  if (seq === null || events === null) return [];
  return events.map((event, index) => ({ ...event, at, seq: seq - events.length + 1 + index }));
}

/**
 * Deletes the events of some runs that started before a time, in the order of their ids, and remembers how far it got.
 * The time must be further back than the longest deadline: then they have ended.
 *
 * @returns how many runs were looked at; fewer than `limit` when there are no more
 */
export async function pruneEvents(tx: Queryable, before: Date, limit: number): Promise<number> {
  const { rows } = await tx.query<{ up_to: string }>("SELECT up_to FROM pruned FOR UPDATE SKIP LOCKED");
  const [cursor] = rows;
  if (!cursor) return 0;
  const found = await tx.query<{ id: string }>("SELECT id FROM run WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3", [
    cursor.up_to,
    firstIdAt(before),
    limit,
  ]);
  const last = found.rows.at(-1);
  if (!last) return 0;
  await tx.query("DELETE FROM run_event WHERE run = ANY($1::uuid[])", [found.rows.map((row) => row.id)]);
  await tx.query("UPDATE pruned SET up_to = $1", [last.id]);
  return found.rows.length;
}

/** The smallest UUIDv7 of a time. */
function firstIdAt(time: Date): string {
  const hex = time.getTime().toString(16).padStart(12, "0");
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}
