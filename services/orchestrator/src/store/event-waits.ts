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

/** Which values of an event workflows wait for. */
export type EventMatch = {
  readonly tenant: string;
  readonly publisher: string;
  readonly type: string;
  /** Path into { id, type, data, time }; empty: any event. */
  readonly match: string;
};

// The first event that fits takes the wait away and leaves a signal.
const MATCHED = `), found AS MATERIALIZED (
  SELECT DISTINCT ON (w.run, w.node, w.shard) w.run, w.node, w.shard, a.id FROM pairs JOIN event_wait w
    ON w.run = pairs.run AND w.node = pairs.node AND w.shard = pairs.shard
  JOIN arrived_event a ON a.id = pairs.event ORDER BY w.run, w.node, w.shard, a.id
), gone AS (
  DELETE FROM event_wait w USING found f WHERE w.run = f.run AND w.node = f.node AND w.shard = f.shard
  RETURNING f.run, f.node, f.shard, f.id
) INSERT INTO run_signal (run, kind, ref, data)
  SELECT run, 'event', id::text, json_build_object('node', node, 'shard', shard) FROM gone`;

const JOINED = `w.tenant = a.tenant AND w.publisher = a.publisher AND w.type = a.type AND w.match = a.match
  AND w.key = a.key AND a.stored_at >= w.since`;

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
       match = EXCLUDED.match, key = EXCLUDED.key`,
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
       SELECT w.run, w.node, w.shard, a.id AS event FROM event_wait w JOIN arrived_event a ON ${JOINED}
       WHERE w.run = ANY($1::uuid[]) ${MATCHED}`,
    [[...new Set(waits.map((wait) => wait.run))]],
  );
  return rowCount;
}

/**
 * Joins waits and events that were written at the same time by transactions that did not see each other.
 *
 * @returns how many were matched
 */
export async function matchRecent(tx: Queryable): Promise<number> {
  const { rowCount } = await tx.query(
    `WITH pairs AS MATERIALIZED (
       SELECT w.run, w.node, w.shard, a.id AS event FROM arrived_event a JOIN event_wait w ON ${JOINED}
       WHERE a.stored_at > now() - interval '2 minutes' ${MATCHED}`,
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

/** Says that workflows wait for these; rows stay as long as runs of any version may. */
export async function declareMatches(tx: Queryable, matches: readonly EventMatch[]): Promise<void> {
  if (matches.length === 0) return;
  await tx.query(
    `INSERT INTO event_match (tenant, publisher, type, match)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING`,
    [
      matches.map((one) => one.tenant),
      matches.map((one) => one.publisher),
      matches.map((one) => one.type),
      matches.map((one) => one.match),
    ],
  );
}

/** What of the given events is waited for. */
export async function matchesOf(db: Queryable, events: readonly Omit<EventMatch, "match">[]): Promise<EventMatch[]> {
  const { rows } = await db.query<EventMatch>(
    `SELECT DISTINCT m.* FROM unnest($1::text[], $2::text[], $3::text[]) AS e (tenant, publisher, type)
     JOIN event_match m USING (tenant, publisher, type)`,
    [events.map((one) => one.tenant), events.map((one) => one.publisher), events.map((one) => one.type)],
  );
  return rows;
}

/** All events that are waited for, for whoever listens for them. */
export async function listMatches(db: Queryable): Promise<EventMatch[]> {
  const { rows } = await db.query<EventMatch>("SELECT * FROM event_match ORDER BY tenant, publisher, type, match");
  return rows;
}
