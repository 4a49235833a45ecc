import type { Queryable } from "@agentmesh/postgres";

export type EventKind = { readonly tenant: string; readonly publisher: string; readonly type: string };

/** Which values of an event workflows wait for. */
export type EventMatch = EventKind & {
  /** Path into { id, type, data, time }; empty: any event. */
  readonly match: string;
};

/** Says that workflows wait for these. Rows stay as long as somebody needs them; see `deleteMatches`. */
export async function declareMatches(tx: Queryable, matches: readonly EventMatch[]): Promise<void> {
  if (matches.length === 0) return;
  // Updated, so that retention, which holds the rows that it looks at, either sees the new date or has deleted the row.
  await tx.query(
    `INSERT INTO event_match (tenant, publisher, type, match)
     SELECT DISTINCT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS m (tenant, publisher, type, match)
     ORDER BY tenant, publisher, type, match
     ON CONFLICT (tenant, publisher, type, match) DO UPDATE SET look_at = EXCLUDED.look_at`,
    [
      matches.map((one) => one.tenant),
      matches.map((one) => one.publisher),
      matches.map((one) => one.type),
      matches.map((one) => one.match),
    ],
  );
}

/** What of the given events is waited for. */
export async function matchesOf(db: Queryable, events: readonly EventKind[]): Promise<EventMatch[]> {
  const { rows } = await db.query<EventMatch>(
    `SELECT DISTINCT tenant, publisher, type, match FROM unnest($1::text[], $2::text[], $3::text[])
       AS e (tenant, publisher, type)
     JOIN event_match m USING (tenant, publisher, type)`,
    [events.map((one) => one.tenant), events.map((one) => one.publisher), events.map((one) => one.type)],
  );
  return rows;
}

/** All events that are waited for, for whoever listens for them. */
export async function listMatches(db: Queryable): Promise<EventMatch[]> {
  const { rows } = await db.query<EventMatch>(
    "SELECT tenant, publisher, type, match FROM event_match ORDER BY tenant, publisher, type, match",
  );
  return rows;
}

// All of a tenant come up together, for telling whether they are needed reads all of its workflows.
const LOOK_AGAIN = "date_trunc('hour', now()) + interval '1 hour'";

/** What the steps of a stored workflow wait for. */
const DECLARED = `SELECT s->'event'->>'publisher' AS publisher, s->'event'->>'type' AS type,
    coalesce(s->'event'->>'match', '') AS match
  FROM json_array_elements(v.spec->'steps') AS s WHERE s->>'kind' = 'wait' AND s->'event' IS NOT NULL`;

export type DeletedMatches = {
  /** How many were looked at; fewer than `limit` when no more are due. */
  readonly looked: number;
  /** Kinds of events that nobody waits for any more. */
  readonly gone: readonly EventKind[];
};

/**
 * Deletes what no one waits for: no workflow as it is now, no run that is active whatever version it has, no step. Events
 * of that kind are then kept no more; a wait that begins all the same declares it anew.
 */
export async function deleteMatches(tx: Queryable, limit: number): Promise<DeletedMatches> {
  const { rows: due } = await tx.query<EventMatch>(
    `SELECT tenant, publisher, type, match FROM event_match WHERE look_at <= now() ORDER BY look_at LIMIT $1
     FOR UPDATE SKIP LOCKED`,
    [limit],
  );
  if (due.length === 0) return { looked: 0, gone: [] };
  // A statement of its own: its snapshot is younger than the locks.
  const { rows: deleted } = await tx.query<EventMatch>(
    `WITH due AS MATERIALIZED (
       SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS d (tenant, publisher, type, match)
     ), active AS MATERIALIZED (
       SELECT DISTINCT tenant, workflow AS name, version FROM run
       WHERE tenant IN (SELECT tenant FROM due) AND state IN ('running', 'compensating')
     ), needed AS MATERIALIZED (
       SELECT v.tenant, e.* FROM resource v CROSS JOIN LATERAL (${DECLARED}) AS e
       WHERE v.tenant IN (SELECT tenant FROM due) AND v.kind = 'Workflow' AND NOT v.deleted
       UNION
       SELECT v.tenant, e.* FROM active JOIN resource_version v USING (tenant, name, version)
       CROSS JOIN LATERAL (${DECLARED}) AS e WHERE v.kind = 'Workflow'
     ), unneeded AS MATERIALIZED (
       SELECT d.* FROM due d
       WHERE NOT EXISTS (SELECT 1 FROM needed n WHERE (n.tenant, n.publisher, n.type, n.match)
           = (d.tenant, d.publisher, d.type, d.match))
         AND NOT EXISTS (SELECT 1 FROM event_wait w WHERE (w.tenant, w.publisher, w.type, w.match)
           = (d.tenant, d.publisher, d.type, d.match))
     ), later AS (
       UPDATE event_match m SET look_at = ${LOOK_AGAIN} FROM due d
       WHERE (m.tenant, m.publisher, m.type, m.match) = (d.tenant, d.publisher, d.type, d.match)
         AND NOT EXISTS (SELECT 1 FROM unneeded u WHERE (u.tenant, u.publisher, u.type, u.match)
           = (d.tenant, d.publisher, d.type, d.match))
     )
     DELETE FROM event_match m USING unneeded u
     WHERE (m.tenant, m.publisher, m.type, m.match) = (u.tenant, u.publisher, u.type, u.match)
     RETURNING m.tenant, m.publisher, m.type, m.match`,
    [
      due.map((one) => one.tenant),
      due.map((one) => one.publisher),
      due.map((one) => one.type),
      due.map((one) => one.match),
    ],
  );
  return { looked: due.length, gone: await withoutMatches(tx, deleted) };
}

async function withoutMatches(tx: Queryable, deleted: readonly EventMatch[]): Promise<EventKind[]> {
  const left = new Set((await matchesOf(tx, deleted)).map(kindOf));
  const gone = new Map(deleted.map((one) => [kindOf(one), one]));
  return [...gone].filter(([kind]) => !left.has(kind)).map(([, one]) => one);
}

function kindOf({ tenant, publisher, type }: EventMatch): string {
  return `${tenant}/${publisher}/${type}`;
}
