import type pg from "pg";
import { mapStepIds } from "../../mesh/resources.ts";
import { batchesOf, levelsOf } from "./load.ts";

/**
 * Not of time but of truth: every item has one result, the first level of the reduce was given each of them once, and the
 * last level is the run's output.
 *
 * @returns rows of the run in all tables that grow with its items, and items and batches that were handed out again
 * @throws Error where it is not so
 */
export async function checkMap(sql: pg.Pool, run: string, items: number): Promise<{ rows: number; again: number }> {
  const { each, together } = mapStepIds;
  const { rows } = await sql.query<Found>(
    `SELECT
       (SELECT count(DISTINCT output->>'n')::int FROM orchestrator.step
        WHERE run = $1 AND node = $2 AND shard > 0 AND state = 'succeeded') AS done,
       (SELECT count(DISTINCT taken->>'n')::int || ' of ' || count(*)::int
        FROM orchestrator.step, json_array_elements(input->'items') AS taken
        WHERE run = $1 AND node = $3 AND shard > 0 AND state = 'succeeded' AND input->>'level' = '1') AS taken,
       (SELECT output->'row'->>'level' FROM orchestrator.run WHERE id = $1) AS level,
       (SELECT count(*)::int FROM orchestrator.step WHERE run = $1 AND shard > 0) AS shards,
       (SELECT count(*)::int FROM orchestrator.step WHERE run = $1 AND epoch > 1) AS again,
       (SELECT count(*)::int FROM orchestrator.step WHERE run = $1)
         + (SELECT count(*)::int FROM orchestrator.run_event WHERE run = $1) AS rows`,
    [run, each, together],
  );
  const [found] = rows;
  if (!found) throw new Error(`the run ${run} was not found`);
  const expected = {
    done: items,
    taken: `${items} of ${items}`,
    level: String(levelsOf(items)),
    shards: items + batchesOf(items),
  };
  const { done, taken, level, shards } = found;
  const is = JSON.stringify({ done, taken, level, shards });
  if (is !== JSON.stringify(expected)) {
    throw new Error(`the run ${run} over ${items} items is ${is}; expected was ${JSON.stringify(expected)}`);
  }
  return { rows: found.rows, again: found.again };
}

type Found = {
  readonly done: number;
  readonly taken: string;
  readonly level: string;
  readonly shards: number;
  readonly again: number;
  readonly rows: number;
};
