import type { Queryable } from "@agentmesh/postgres";

export type ReleasedStep = {
  readonly run: string;
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  readonly tenant: string;
};

export type Release = {
  readonly released: readonly ReleasedStep[];
  /** More may wait. */
  readonly more: boolean;
  /** Where the next release goes on with tenants; empty: at the first. */
  readonly nextTenant: string;
};

// Tenants of one release; those behind them come with the next.
const MAX_TENANTS = 500;
// Of one tenant at the least, however many there are.
const MIN_SHARE = 8;

// Tenants are found by hops over the index, then the first steps of each, and one of each in turn is taken. Locks are
// taken of the chosen only, and none that somebody holds, so it waits for nobody.
/** Exported for the test that looks at its plan. */
export const RELEASE = `WITH RECURSIVE hops AS (
  (SELECT tenant, 1 AS hop FROM step WHERE queued AND tenant >= $2 ORDER BY tenant LIMIT 1)
  UNION ALL
  SELECT (SELECT s.tenant FROM step s WHERE s.queued AND s.tenant > h.tenant ORDER BY s.tenant LIMIT 1), h.hop + 1
  FROM hops h WHERE h.tenant IS NOT NULL AND h.hop < $3
), tenants AS MATERIALIZED (
  SELECT tenant FROM hops WHERE tenant IS NOT NULL
), share AS MATERIALIZED (
  SELECT count(*)::int AS tenants, max(tenant) AS last,
    CASE WHEN count(*) <= 4 THEN $1::int ELSE greatest($4::int, (4 * $1::int / count(*))::int) END AS most
  FROM tenants
), firsts AS (
  SELECT f.*, row_number() OVER (PARTITION BY t.tenant ORDER BY f.bucket, f.deadline, f.ready_at) AS turn
  FROM tenants t CROSS JOIN share CROSS JOIN LATERAL (
    SELECT run, node, shard, bucket, deadline, ready_at FROM step s WHERE s.queued AND s.tenant = t.tenant
    ORDER BY s.bucket, s.deadline, s.ready_at LIMIT share.most) AS f
), chosen AS MATERIALIZED (
  SELECT run, node, shard, turn FROM firsts ORDER BY turn, bucket, deadline, ready_at LIMIT $1
), held AS MATERIALIZED (
  SELECT s.run, s.node, s.shard, c.turn FROM chosen c JOIN step s ON s.run = c.run AND s.node = c.node AND s.shard = c.shard
  WHERE s.queued FOR NO KEY UPDATE OF s SKIP LOCKED
), released AS (
  UPDATE step s SET state = 'dispatched', queued = false, epoch = s.epoch + 1,
    dispatched_at = date_trunc('milliseconds', now())
  FROM held JOIN run r ON r.id = held.run
  WHERE s.run = held.run AND s.node = held.node AND s.shard = held.shard
  RETURNING s.run, s.node, s.shard, s.epoch, r.tenant, held.turn, s.bucket, s.deadline, s.ready_at
)
SELECT
  (SELECT coalesce(json_agg(json_build_object('run', run, 'node', node, 'shard', shard, 'epoch', epoch,
    'tenant', tenant) ORDER BY turn, bucket, deadline, ready_at), '[]') FROM released) AS released,
  (SELECT count(*)::int FROM chosen) AS chosen,
  coalesce((SELECT max(turn) FROM firsts) >= (SELECT most FROM share), false) AS capped,
  (SELECT tenants FROM share) AS tenants, coalesce((SELECT last FROM share), '') AS last`;

/**
 * Dispatches steps from the backlog, one of each tenant in turn; of one tenant by bucket (priority with ageing), then
 * the run's deadline, then age.
 */
export async function releaseBacklog(db: Queryable, limit: number, afterTenant = ""): Promise<Release> {
  const { rows } = await db.query<{
    released: ReleasedStep[];
    chosen: number;
    capped: boolean;
    tenants: number;
    last: string;
  }>(RELEASE, [limit, afterTenant, MAX_TENANTS, MIN_SHARE]);
  const [row] = rows;
  if (!row) return { released: [], more: false, nextTenant: "" };
  const isCut = row.tenants >= MAX_TENANTS;
  const wrapped = afterTenant !== "";
  return {
    released: row.released,
    more: row.chosen >= limit || row.capped || isCut || wrapped,
    nextTenant: isCut ? row.last : "",
  };
}

export type QueueClass = { readonly priority: number; readonly steps: number; readonly oldestS: number };

/** How many steps wait in the backlog and for how long the oldest does, by priority; counted up to a bound. */
export async function measureBacklog(db: Queryable, bound: number): Promise<QueueClass[]> {
  const { rows } = await db.query<QueueClass>(
    `SELECT priority, count(*)::int AS steps,
       greatest(0, extract(epoch FROM now() - min(ready_at)))::float8 AS "oldestS"
     FROM (SELECT priority, ready_at FROM step WHERE queued LIMIT $1) AS waiting GROUP BY priority`,
    [bound],
  );
  return rows;
}
