import type { Queryable } from "@agentmesh/postgres";

/** An event for waits, once for each value that a wait may name. */
export type KeyedEvent = {
  readonly tenant: string;
  readonly publisher: string;
  readonly type: string;
  readonly match: string;
  readonly key: string;
  readonly eventId: string;
  /** JSON. */
  readonly data: string;
  readonly at: Date;
};

export type StoredWait = {
  readonly run: string;
  readonly node: string;
  readonly shard: number;
  readonly tenant: string;
  readonly publisher: string;
  readonly type: string;
  readonly match: string;
  readonly key: string;
  readonly since: Date;
};

// The first event that fits takes the wait away and leaves a signal.
const MATCHED = `), found AS MATERIALIZED (
  SELECT DISTINCT ON (run, node, shard) run, node, shard, event AS id FROM pairs ORDER BY run, node, shard, event
), gone AS (
  DELETE FROM event_wait w USING found f WHERE w.run = f.run AND w.node = f.node AND w.shard = f.shard
  RETURNING f.run, f.node, f.shard, f.id
) INSERT INTO run_signal (run, kind, ref, data)
  SELECT run, 'event', id::text, json_build_object('node', node, 'shard', shard) FROM gone`;

const JOINED = `w.tenant = a.tenant AND w.publisher = a.publisher AND w.type = a.type AND w.match = a.match
  AND w.key = a.key AND a.stored_at >= w.since`;

// Of however many events of one key it reads one.
const FIRST_EVENT = `CROSS JOIN LATERAL (
    SELECT a.id AS event FROM arrived_event a WHERE ${JOINED} ORDER BY a.stored_at, a.id LIMIT 1
  ) AS first`;

/** Stores events that are not there yet and signals the waits that they are for. @returns how many were matched */
export async function storeArrived(tx: Queryable, events: readonly KeyedEvent[]): Promise<number> {
  if (events.length === 0) return 0;
  const stored = await tx.query<{ id: bigint }>(
    `INSERT INTO arrived_event (tenant, publisher, type, match, key, event_id, data, at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::json[],
       $8::timestamptz[]) ON CONFLICT DO NOTHING RETURNING id`,
    [
      events.map((event) => event.tenant),
      events.map((event) => event.publisher),
      events.map((event) => event.type),
      events.map((event) => event.match),
      events.map((event) => event.key),
      events.map((event) => event.eventId),
      events.map((event) => event.data),
      events.map((event) => event.at.toISOString()),
    ],
  );
  if (stored.rows.length === 0) return 0;
  const { rowCount } = await tx.query(
    `WITH pairs AS MATERIALIZED (
       SELECT w.run, w.node, w.shard, a.id AS event FROM arrived_event a JOIN event_wait w ON ${JOINED}
       WHERE a.id = ANY($1::bigint[]) ${MATCHED}`,
    [stored.rows.map((row) => row.id)],
  );
  return rowCount;
}

/** Stores waits and signals those whose event is there already. @returns how many were matched */
export async function storeWaits(tx: Queryable, waits: readonly StoredWait[]): Promise<number> {
  if (waits.length === 0) return 0;
  await tx.query(
    `INSERT INTO event_wait (run, node, shard, tenant, publisher, type, match, key, since)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::text[], $6::text[], $7::text[],
       $8::text[], $9::timestamptz[])
     ON CONFLICT (run, node, shard) DO UPDATE SET publisher = EXCLUDED.publisher, type = EXCLUDED.type,
       match = EXCLUDED.match, key = EXCLUDED.key, settled = false, settles_at = NULL`,
    [
      waits.map((wait) => wait.run),
      waits.map((wait) => wait.node),
      waits.map((wait) => wait.shard),
      waits.map((wait) => wait.tenant),
      waits.map((wait) => wait.publisher),
      waits.map((wait) => wait.type),
      waits.map((wait) => wait.match),
      waits.map((wait) => wait.key),
      waits.map((wait) => wait.since.toISOString()),
    ],
  );
  const { rowCount } = await tx.query(
    `WITH pairs AS MATERIALIZED (
       SELECT w.run, w.node, w.shard, event FROM event_wait w ${FIRST_EVENT}
       WHERE w.run = ANY($1::uuid[]) ${MATCHED}`,
    [[...new Set(waits.map((wait) => wait.run))]],
  );
  return rowCount;
}

// What is over it comes with the next round; a wait that no round has seen goes before those that one has.
const MAX_UNSETTLED = 1_000;

/**
 * Joins waits and events that were written at the same time by transactions that did not see each other. Such an event's
 * transaction ran when the wait's was committed. So a wait is looked at when it is first seen here, and until all
 * transactions have ended that ran at that moment; whatever begins later sees the wait. All other waits are left alone,
 * and so are events that none of these waits is for.
 *
 * @returns how many were matched
 */
export async function matchUnsettled(tx: Queryable): Promise<number> {
  const { rowCount } = await tx.query(
    `WITH horizon AS MATERIALIZED (
       SELECT pg_snapshot_xmin(s) AS oldest, pg_snapshot_xmax(s) AS next FROM pg_current_snapshot() AS s
     ), unsettled AS MATERIALIZED (
       SELECT * FROM event_wait WHERE NOT settled ORDER BY settles_at NULLS FIRST LIMIT $1 FOR UPDATE SKIP LOCKED
     ), declared AS (
       INSERT INTO event_match (tenant, publisher, type, match)
       SELECT DISTINCT tenant, publisher, type, match FROM unsettled ON CONFLICT DO NOTHING
     ), pairs AS MATERIALIZED (
       SELECT w.run, w.node, w.shard, event FROM unsettled w ${FIRST_EVENT}
     ), seen AS (
       UPDATE event_wait w SET settled = coalesce(u.settles_at <= oldest, false),
         -- One that lies ahead was written on another server, before a restore.
         settles_at = CASE WHEN u.settles_at <= next THEN u.settles_at ELSE next END
       FROM unsettled u CROSS JOIN horizon WHERE w.run = u.run AND w.node = u.node AND w.shard = u.shard
         AND NOT EXISTS (SELECT 1 FROM pairs p WHERE p.run = u.run AND p.node = u.node AND p.shard = u.shard)
     ${MATCHED}`,
    [MAX_UNSETTLED],
  );
  return rowCount;
}

/** Waits of runs or of single steps that no longer wait. */
export async function deleteWaits(
  tx: Queryable,
  places: readonly { readonly run: string; readonly node: string; readonly shard: number }[],
): Promise<void> {
  if (places.length === 0) return;
  await tx.query(
    `DELETE FROM event_wait w USING unnest($1::uuid[], $2::text[], $3::int[]) AS a (run, node, shard)
     WHERE w.run = a.run AND w.node = a.node AND w.shard = a.shard`,
    [places.map((place) => place.run), places.map((place) => place.node), places.map((place) => place.shard)],
  );
}
