import type { Queryable } from "@agentmesh/postgres";
import type { RunEvent } from "../domain/outcome.ts";

export type StoredEvent = RunEvent & { readonly seq: number; readonly at: Date };

export type EventPage = { readonly events: readonly StoredEvent[]; readonly ended: boolean };

const MAX_ROWS = 200;

// The day is for clocks that differ; the bound lets the server leave out weeks before the run.

/** Events of a run after a cursor, and whether these are the last there will be. */
export async function readEvents(db: Queryable, run: string, after: number): Promise<EventPage> {
  const { rows } = await db.query<{ seq: number; at: Date; events: RunEvent[]; last: number; state: string }>(
    `SELECT e.seq, e.at, e.events, r.seq AS last, r.state
     FROM run r LEFT JOIN LATERAL (
       SELECT seq, at, events FROM run_event
       WHERE run = r.id AND seq > $2 AND at >= r.created_at - interval '1 day' ORDER BY seq LIMIT $3) AS e ON true
     WHERE r.id = $1`,
    [run, after, MAX_ROWS],
  );
  const events = rows.flatMap((row) => spread(row)).filter((event) => event.seq > after);
  const [first] = rows;
  const ended = first === undefined || (first.state !== "running" && first.state !== "compensating");
  return { events, ended: ended && rows.length < MAX_ROWS };
}

/** A row holds the events of one advance; its sequence is that of the last. */
function spread(row: { seq: number | null; at: Date; events: RunEvent[] | null }): StoredEvent[] {
  const { seq, at, events } = row;
  if (seq === null || events === null) return [];
  return events.map((event, index) => ({ ...event, at, seq: seq - events.length + 1 + index }));
}
