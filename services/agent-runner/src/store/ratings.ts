import type { Queryable } from "@agentmesh/postgres";

export type Rating = {
  readonly tenant: string;
  readonly runId: string;
  readonly subject: string;
  /** 0 to 1. */
  readonly score: number;
  readonly comment: string;
  readonly at: Date;
};

/** A user's further rating of a run replaces the last one. */
export async function upsertRating(db: Queryable, rating: Rating): Promise<void> {
  const { tenant, runId, subject, score, comment, at } = rating;
  await db.query(
    `INSERT INTO agent_run_rating (tenant, run_id, subject, score, comment, rated_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (tenant, run_id, subject) DO UPDATE SET score = $4, comment = $5, rated_at = $6`,
    [tenant, runId, subject, score, comment, at],
  );
}

export async function summariseRatings(
  db: Queryable,
  tenant: string,
  runId: string,
): Promise<{ ratings: number; average: number }> {
  const { rows } = await db.query<{ ratings: number; average: number }>(
    `SELECT count(*)::int AS ratings, coalesce(avg(score), 0)::float8 AS average
     FROM agent_run_rating WHERE tenant = $1 AND run_id = $2`,
    [tenant, runId],
  );
  return rows[0] ?? { ratings: 0, average: 0 };
}
