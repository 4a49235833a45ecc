import type { Database } from "@agentmesh/postgres";
import type { Bus } from "./connect.ts";
import { EVENTS_STREAM, MAX_STREAM_BYTES } from "./streams.ts";

/** What is longer than this on its way to a consumer is lost with its stream. */
const KEEP_SENT_MS = 10 * 60_000;
const MAX_TRIM = 5_000;
// Near its size the stream drops its oldest messages by itself; below that only a purge does.
const FULL_SHARE = 0.9;

/**
 * Puts events back into the outbox that the stream took and does not have any more, because it was purged, made anew,
 * or lost its end in a crash. Consumers drop what they had applied already. Forgets what was sent long ago.
 *
 * @returns which stream it is now
 */
export async function restoreLost(bus: Bus, db: Database): Promise<string> {
  const { created, state } = await bus.jsm.streams.info(EVENTS_STREAM);
  const firstSeq = state.bytes < MAX_STREAM_BYTES * FULL_SHARE ? state.first_seq : 0;
  const { rowCount } = await db.query(
    `WITH lost AS (
       DELETE FROM outbox_sent
       WHERE stream_made < $1 OR stream_made > $1
         OR (stream_made = $1 AND stream_seq < $2) OR (stream_made = $1 AND stream_seq > $3 AND sent_at < $4)
       RETURNING *)
     INSERT INTO outbox (msg_id, subject, headers, body)
     -- The stream may still refuse the id it knows; the event's own id, which consumers go by, is in its headers.
     SELECT msg_id || ':' || stream_seq, subject, headers, body FROM lost ORDER BY id`,
    [created, firstSeq, state.last_seq, new Date(Date.now() - 1000)],
  );
  if (rowCount > 0) bus.log.warn({ events: rowCount }, "the stream lost events; they are published again");
  await db.query(
    "DELETE FROM outbox_sent WHERE id IN (SELECT id FROM outbox_sent WHERE sent_at < $1 ORDER BY sent_at LIMIT $2)",
    [new Date(Date.now() - KEEP_SENT_MS), MAX_TRIM],
  );
  return created;
}
