import type { Queryable } from "@agentmesh/postgres";
import { type StepState, stepKey } from "../domain/run-state.ts";
import { RUN_HEAD_COLUMNS, type RunHead, type RunRow, type StoredRun, toRun } from "./run-rows.ts";
import { STEP_HEAD_COLUMNS, type StepRow, toStep } from "./step-rows.ts";

export type LockedRuns = { readonly runs: readonly StoredRun[]; readonly nowMs: number };

export type ShardRef = { readonly node: string; readonly shard: number };

/** What of a run that is loaded by parts is needed beside its heads. */
export type LightNeeds = {
  /** All nodes of its plan, undo nodes included. */
  nodesOf(head: RunHead): Promise<readonly string[]>;
  /** Shards by number, and whether all that are not settled. */
  shardsOf(run: StoredRun): { readonly named: readonly ShardRef[]; readonly live: boolean };
};

// The input of a run with shards may hold all its items: it is read when it is asked for.
const LOCKED_COLUMNS = `${RUN_HEAD_COLUMNS}, CASE WHEN light THEN NULL ELSE input END AS input, NULL AS output`;

/** Locks runs in the order of their ids, so that two batches never wait for each other; then reads their steps. */
export async function lockRuns(tx: Queryable, ids: readonly string[], needs: LightNeeds): Promise<LockedRuns> {
  const { rows } = await tx.query<LockedRow>(
    `SELECT ${LOCKED_COLUMNS}, clock_timestamp() AS now FROM run WHERE id = ANY($1::uuid[])
     ORDER BY id FOR NO KEY UPDATE`,
    [ids],
  );
  return withSteps(tx, rows, needs);
}

/** Locks runs whose wake-up has come and whom nobody else holds. */
export async function lockDueRuns(tx: Queryable, limit: number, needs: LightNeeds): Promise<LockedRuns> {
  const { rows } = await tx.query<LockedRow>(
    `SELECT ${LOCKED_COLUMNS}, clock_timestamp() AS now FROM run WHERE wake_at <= now()
     ORDER BY wake_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
    [limit],
  );
  return withSteps(tx, rows, needs);
}

/** Ids of runs whose wake-up has come, held by somebody or not. */
export async function listDueRuns(db: Queryable, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    "SELECT id FROM run WHERE wake_at <= now() ORDER BY wake_at LIMIT $1",
    [limit],
  );
  return rows.map((row) => row.id);
}

type LockedRow = RunRow & { now: Date };

async function withSteps(tx: Queryable, rows: readonly LockedRow[], needs: LightNeeds): Promise<LockedRuns> {
  const [first] = rows;
  if (!first) return { runs: [], nowMs: 0 };
  const steps = new Map<string, Map<string, StepState>>(rows.map((row) => [row.id, new Map()]));
  const take = (found: readonly StepRow[]) => {
    for (const row of found) steps.get(row.run)?.set(stepKey(row.node, row.shard), toStep(row));
  };
  const whole = rows.filter((row) => !row.light).map((row) => row.id);
  if (whole.length > 0) {
    const found = await tx.query<StepRow>(`SELECT ${STEP_HEAD_COLUMNS}, output FROM step WHERE run = ANY($1::uuid[])`, [
      whole,
    ]);
    take(found.rows);
  }
  const runs = rows.map((row) => toRun(row, steps.get(row.id) ?? new Map()));
  const light = runs.filter(({ head }) => head.light);
  if (light.length > 0) take(await readLight(tx, light, needs));
  return { runs, nowMs: first.now.getTime() };
}

/** Heads without outputs, the shards asked for, and where asked for those that are not settled. */
async function readLight(tx: Queryable, runs: readonly StoredRun[], needs: LightNeeds): Promise<StepRow[]> {
  const places: (ShardRef & { run: string })[] = [];
  const live: string[] = [];
  for (const stored of runs) {
    const run = stored.state.id;
    for (const node of await needs.nodesOf(stored.head)) places.push({ run, node, shard: 0 });
    const shards = needs.shardsOf(stored);
    for (const { node, shard } of shards.named) if (shard > 0) places.push({ run, node, shard });
    if (shards.live) live.push(run);
  }
  const named = await tx.query<StepRow>(
    // Looked up one by one, by their key: a planner that knew the table when it was small would read all of it.
    `SELECT s.* FROM unnest($1::uuid[], $2::text[], $3::int[]) AS a (run, node, shard) CROSS JOIN LATERAL (
       SELECT ${STEP_HEAD_COLUMNS} FROM step s
       WHERE s.run = a.run AND s.node = a.node AND s.shard = a.shard OFFSET 0) AS s`,
    [places.map((one) => one.run), places.map((one) => one.node), places.map((one) => one.shard)],
  );
  if (live.length === 0) return named.rows;
  const unsettled = await tx.query<StepRow>(
    `SELECT ${STEP_HEAD_COLUMNS} FROM step WHERE live AND run = ANY($1::uuid[])`,
    [live],
  );
  return [...named.rows, ...unsettled.rows];
}
