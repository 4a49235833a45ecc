import type pg from "pg";
import { payload, stepIds, workflowName } from "../../mesh/resources.ts";

const batch = 20_000;

/**
 * Fills the orchestrator's tables with finished runs as it would have written them, so that a figure shows what a long
 * history costs. Ids are UUIDv7 of the day before.
 */
export async function storeFinishedRuns(
  sql: pg.Pool,
  tenant: string,
  count: number,
  log: (line: string) => void,
): Promise<void> {
  const began = performance.now();
  for (let from = 0; from < count; from += batch) {
    await storeBatch(sql, tenant, from, Math.min(from + batch, count) - 1);
  }
  await sql.query("VACUUM (ANALYZE) orchestrator.run, orchestrator.step, orchestrator.run_event");
  await sql.query("CHECKPOINT");
  log(`stored ${count} finished runs in ${((performance.now() - began) / 1000).toFixed(1)} s`);
}

/** A run, its steps and what happened in it, for each number from `from` to `to`. */
async function storeBatch(sql: pg.Pool, tenant: string, from: number, to: number): Promise<void> {
  const client = await sql.connect();
  try {
    await client.query("BEGIN");
    await client.query("SET LOCAL synchronous_commit = off");
    await client.query(
      `CREATE TEMP TABLE fresh ON COMMIT DROP AS
       SELECT (lpad(to_hex((extract(epoch FROM now()) * 1000)::bigint - 86400000 + n / 10), 12, '0') || '7' ||
         substr(md5(n::text || random()::text), 1, 3) || '8' || substr(md5(n::text || random()::text), 4, 15))::uuid AS id
       FROM generate_series($1::int, $2::int) AS n`,
      [from, to],
    );
    await client.query(
      `INSERT INTO orchestrator.run (id, tenant, workflow, version, state, priority, subject, origin, seq, input, output,
         created_at, deadline, ended_at)
       SELECT id, $1, $2, 1, 'succeeded', 5, 'user:bench', 'api:bench', 8, $3::json, $3::json,
         now() - interval '1 day', now() - interval '23 hours', now() - interval '1 day' FROM fresh`,
      [tenant, workflowName, JSON.stringify(payload)],
    );
    await client.query(
      `INSERT INTO orchestrator.step (run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries,
         queued, priority, deadline, worker, ready_at, dispatched_at, started_at, ended_at, input, output, cost_nano_usd)
       SELECT id, node, 0, 'succeeded', 1, 1, 1, 0, 0, false, 5, now() - interval '23 hours', 'bench/stored',
         now() - interval '1 day', now() - interval '1 day', now() - interval '1 day', now() - interval '1 day',
         $1::json, $1::json, 0 FROM fresh, unnest($2::text[]) AS node`,
      [JSON.stringify(payload), stepIds],
    );
    await client.query(
      `INSERT INTO orchestrator.run_event (run, seq, at, events)
       SELECT id, seq * 2, now() - interval '1 day', '[{"type":"step.succeeded","node":"first"}]'::json
       FROM fresh, generate_series(1, 4) AS seq`,
    );
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}
