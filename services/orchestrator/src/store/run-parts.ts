import type { Queryable } from "@agentmesh/postgres";
import type { Parent } from "../domain/run-state.ts";

/** What a step was last started with. */
export async function readStepInput(tx: Queryable, run: string, node: string, shard: number): Promise<unknown> {
  const { rows } = await tx.query<{ input: unknown }>(
    "SELECT input FROM step WHERE run = $1 AND node = $2 AND shard = $3",
    [run, node, shard],
  );
  return rows[0]?.input ?? null;
}

/**
 * How many runs the maps above a run have side by side: the product of the lengths of their lists. Runs stand in each
 * other to a bound, so this looks at few.
 */
export async function countBeside(tx: Queryable, parent: Parent): Promise<number> {
  const { rows } = await tx.query<{ total: number | null }>(
    `WITH RECURSIVE above AS (
       SELECT $1::uuid AS run, $2::text AS node, $3::int AS shard
       UNION ALL
       SELECT r.parent_run, r.parent_node, r.parent_shard FROM above JOIN run r ON r.id = above.run
       WHERE r.parent_run IS NOT NULL
     )
     SELECT (s.detail #>> '{counts,total}')::int AS total FROM above
     JOIN step s ON s.run = above.run AND s.node = above.node AND s.shard = 0 WHERE above.shard > 0`,
    [parent.run, parent.node, parent.shard],
  );
  return rows.reduce((product, { total }) => product * Math.max(1, total ?? 1), 1);
}
