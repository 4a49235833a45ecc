import type { Queryable } from "@agentmesh/postgres";

export type ReleasedStep = {
  readonly run: string;
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  readonly tenant: string;
};

/**
 * Dispatches steps from the backlog: by priority, then the run's deadline, then age. Takes only locks of steps, and
 * none that somebody holds, so it waits for nobody.
 */
export async function releaseBacklog(db: Queryable, limit: number): Promise<ReleasedStep[]> {
  const { rows } = await db.query<ReleasedStep>(
    `WITH next AS MATERIALIZED (
       SELECT run, node, shard FROM step WHERE queued ORDER BY priority DESC, deadline, ready_at
       LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED
     )
     UPDATE step s SET state = 'dispatched', queued = false, epoch = s.epoch + 1,
       dispatched_at = date_trunc('milliseconds', now())
     FROM next JOIN run r ON r.id = next.run
     WHERE s.run = next.run AND s.node = next.node AND s.shard = next.shard
     RETURNING s.run, s.node, s.shard, s.epoch, r.tenant`,
    [limit],
  );
  return rows;
}

/** How many steps wait in the backlog, counted up to a bound. */
export async function countBacklog(db: Queryable, bound: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM (SELECT 1 FROM step WHERE queued LIMIT $1) AS waiting",
    [bound],
  );
  return rows[0]?.count ?? 0;
}
