import type { Queryable } from "@agentmesh/postgres";
import type { StepDetail } from "../domain/step-detail.ts";

export type StepKey = { readonly runId: string; readonly node: string; readonly shard: number; readonly epoch: number };

export type ClaimRequest = StepKey & { readonly worker: string };

/** A leased step with what its worker needs to know of the run. */
export type ClaimedStep = {
  readonly run: string;
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  readonly attempt: number;
  readonly worker: string;
  readonly input: unknown;
  /** Of its JSON. */
  readonly input_bytes: number;
  readonly detail: StepDetail | null;
  readonly dispatched_at: Date | null;
  readonly started_at: Date;
  readonly tenant: string;
  readonly subject: string;
  readonly workflow: string;
  readonly version: number;
  readonly traceparent: string | null;
};

// A claim and a heartbeat join a step with what names it and with nothing else. Joined with its run as well, a planner that
// has not counted yet looks steps up by their run alone: all items of a map for each of them.

/**
 * Leases dispatched steps to workers, by the database's clock. A step whose epoch grew, that is done, or that someone
 * else holds is left out; a worker that claims again what it holds gets it again.
 */
export async function claimSteps(
  db: Queryable,
  requests: readonly ClaimRequest[],
  leaseMs: number,
): Promise<ClaimedStep[]> {
  const { rows } = await db.query<ClaimedStep>(
    `WITH claimed AS (
       UPDATE step s SET state = 'running', worker = a.worker,
         lease_until = date_trunc('milliseconds', now()) + $6::int * interval '1 millisecond',
         started_at = CASE WHEN s.state = 'running' THEN s.started_at ELSE date_trunc('milliseconds', now()) END
       FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[], $5::text[]) AS a (run, node, shard, epoch, worker)
       WHERE s.run = a.run AND s.node = a.node AND s.shard = a.shard AND s.epoch = a.epoch
         AND (s.state = 'dispatched' OR (s.state = 'running' AND s.worker = a.worker))
       RETURNING s.run, s.node, s.shard, s.epoch, s.attempt, s.worker, s.input, s.detail,
         octet_length(s.input::text) AS input_bytes, s.dispatched_at, s.started_at
     )
     SELECT c.*, r.tenant, r.subject, r.workflow, r.version, r.traceparent FROM claimed c JOIN run r ON r.id = c.run`,
    [...keyColumns(requests), requests.map((request) => request.worker), leaseMs],
  );
  return rows;
}

/** What a worker holds of some runs. */
export async function heldSteps(db: Queryable, runs: readonly string[], worker: string): Promise<StepKey[]> {
  const { rows } = await db.query<{ run: string; node: string; shard: number; epoch: number }>(
    "SELECT run, node, shard, epoch FROM step WHERE run = ANY($1::uuid[]) AND state = 'running' AND worker = $2",
    [runs, worker],
  );
  return rows.map((row) => ({ runId: row.run, node: row.node, shard: row.shard, epoch: row.epoch }));
}

/** Takes leases back that their worker never heard of, for another dispatch. @returns the steps with their new epoch */
export async function returnSteps(db: Queryable, worker: string, steps: readonly StepKey[]): Promise<StepKey[]> {
  const { rows } = await db.query<{ run: string; node: string; shard: number; epoch: number }>(
    `UPDATE step s SET state = 'dispatched', epoch = s.epoch + 1, worker = '', lease_until = NULL, started_at = NULL,
       dispatched_at = date_trunc('milliseconds', now())
     FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS a (run, node, shard, epoch)
     WHERE s.run = a.run AND s.node = a.node AND s.shard = a.shard AND s.epoch = a.epoch
       AND s.state = 'running' AND s.worker = $5
     RETURNING s.run, s.node, s.shard, s.epoch`,
    [...keyColumns(steps), worker],
  );
  return rows.map((row) => ({ runId: row.run, node: row.node, shard: row.shard, epoch: row.epoch }));
}

/**
 * Renews the leases of a worker, but not of what their runs no longer want: that is to stop.
 *
 * @returns the steps that it goes on with
 */
export async function renewLeases(
  db: Queryable,
  worker: string,
  steps: readonly StepKey[],
  leaseMs: number,
): Promise<ReadonlySet<string>> {
  const { rows } = await db.query<{ run: string; node: string; shard: number; epoch: number }>(
    `UPDATE step s SET lease_until = date_trunc('milliseconds', now()) + $6::int * interval '1 millisecond'
     FROM unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS a (run, node, shard, epoch)
     WHERE s.run = a.run AND s.node = a.node AND s.shard = a.shard AND s.epoch = a.epoch
       AND s.state = 'running' AND s.worker = $5
       AND CASE (SELECT r.state FROM run r WHERE r.id = a.run)
         WHEN 'running' THEN true WHEN 'compensating' THEN s.node LIKE '%~undo' ELSE false END
       AND (s.detail IS NULL OR s.detail::text NOT LIKE '%"stopping":true%')
     RETURNING s.run, s.node, s.shard, s.epoch`,
    [...keyColumns(steps), worker, leaseMs],
  );
  return new Set(rows.map((row) => stepKeyText({ ...row, runId: row.run })));
}

/**
 * Says that agent steps started, under the lock of their runs and only while it is still so: agent steps take long
 * enough for people to watch, while a tool step's start is seen in its end.
 */
export async function noteStarted(tx: Queryable, steps: readonly ClaimedStep[]): Promise<void> {
  const started = steps.map((step) => ({
    runId: step.run,
    node: step.node,
    shard: step.shard,
    epoch: step.epoch,
  }));
  await tx.query(
    `WITH held AS (
       SELECT r.id, s.node, s.epoch, s.attempt, s.worker, r.seq FROM run r
       JOIN unnest($1::uuid[], $2::text[], $3::int[], $4::int[]) AS a (run, node, shard, epoch) ON a.run = r.id
       JOIN step s ON s.run = a.run AND s.node = a.node AND s.shard = a.shard AND s.epoch = a.epoch
       WHERE s.state = 'running' AND r.state IN ('running', 'compensating') ORDER BY r.id FOR NO KEY UPDATE OF r
     ), numbered AS (
       SELECT *, seq + row_number() OVER (PARTITION BY id ORDER BY node) AS next FROM held
     ), said AS (
       INSERT INTO run_event (run, seq, at, events)
       SELECT id, next, now(), json_build_array(json_build_object('type', 'step.started', 'node', node,
         'data', json_build_object('epoch', epoch, 'attempt', attempt, 'worker', worker)))
       FROM numbered RETURNING run, seq
     )
     UPDATE run SET seq = said.seq FROM (SELECT run, max(seq) AS seq FROM said GROUP BY run) AS said
     WHERE run.id = said.run`,
    keyColumns(started),
  );
}

export function stepKeyText(key: StepKey): string {
  return `${key.runId}:${key.node}:${key.shard}:${key.epoch}`;
}

function keyColumns(keys: readonly StepKey[]): [string[], string[], number[], number[]] {
  return [
    keys.map((key) => key.runId),
    keys.map((key) => key.node),
    keys.map((key) => key.shard),
    keys.map((key) => key.epoch),
  ];
}
