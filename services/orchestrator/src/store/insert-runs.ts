import type { Queryable } from "@agentmesh/postgres";
import {
  type Advanced,
  eventValues,
  freshSteps,
  freshStepValues,
  json,
  stepColumns,
  stepWrites,
  time,
} from "./write-advances.ts";

const INSERT = `WITH stored AS (
  INSERT INTO run (id, tenant, workflow, version, state, priority, subject, origin, dedupe_key, seq, input, output,
    failure, traceparent, created_at, deadline, ended_at, wake_at, actors, parent_run, parent_node, parent_shard, depth,
    started_by, sla_at, light)
  SELECT * FROM unnest($24::uuid[], $25::text[], $26::text[], $27::int[], $28::text[], $29::smallint[], $30::text[],
    $31::text[], $32::text[], $33::int[], $34::json[], $35::json[], $36::json[], $37::text[], $38::timestamptz[],
    $39::timestamptz[], $40::timestamptz[], $41::timestamptz[], $42::json[], $43::uuid[], $44::text[], $45::int[],
    $46::smallint[], $47::text[], $48::timestamptz[], $49::boolean[])
  ON CONFLICT (tenant, workflow, dedupe_key) WHERE dedupe_key IS NOT NULL DO NOTHING RETURNING id
), steps AS (
  INSERT INTO step (${stepColumns}) ${freshSteps} JOIN stored ON stored.id = s.run
), said AS (
  INSERT INTO run_event (run, seq, at, events)
  SELECT e.run, e.seq, now(), e.events FROM unnest($21::uuid[], $22::int[], $23::json[]) AS e (run, seq, events)
  JOIN stored ON stored.id = e.run
) SELECT id FROM stored`;

/**
 * Stores new runs as their first advance left them. A run whose dedupe key is taken is not stored, and neither is
 * anything of it.
 *
 * @returns the ids that were stored
 */
export async function insertRuns(tx: Queryable, all: readonly Advanced[]): Promise<ReadonlySet<string>> {
  if (all.length === 0) return new Set();
  const runs = all.map(({ advance }) => advance.run);
  const heads = all.map(({ head }) => head);
  const { rows } = await tx.query<{ id: string }>(INSERT, [
    ...freshStepValues(all.flatMap(stepWrites)),
    ...eventValues(all),
    runs.map((run) => run.id),
    heads.map((head) => head.tenant),
    heads.map((head) => head.workflow),
    heads.map((head) => head.version),
    runs.map((run) => run.phase),
    heads.map((head) => head.priority),
    heads.map((head) => head.subject),
    heads.map((head) => head.origin),
    heads.map((head) => head.dedupeKey || null),
    runs.map((run) => run.seq),
    runs.map((run) => JSON.stringify(run.input)),
    runs.map((run) => json(run.output)),
    runs.map((run) => json(run.failure)),
    heads.map((head) => head.traceparent ?? null),
    heads.map((head) => head.createdAt.toISOString()),
    runs.map((run) => time(run.deadlineMs)),
    runs.map((run) => time(run.endedAtMs)),
    runs.map((run) => time(run.wakeAtMs)),
    heads.map((head) => (head.actors.length > 0 ? JSON.stringify(head.actors) : null)),
    runs.map((run) => run.parent?.run ?? null),
    runs.map((run) => run.parent?.node ?? null),
    runs.map((run) => run.parent?.shard ?? null),
    heads.map((head) => head.depth),
    runs.map((run) => (run.startedBy === "" ? null : run.startedBy)),
    runs.map((run) => time(run.slaAtMs)),
    heads.map((head) => head.light),
  ]);
  return new Set(rows.map((row) => row.id));
}

/** Copies the shards of some nodes of another run into a new run. */
export async function copyShards(tx: Queryable, from: string, to: string, nodes: readonly string[]): Promise<void> {
  await tx.query(
    `INSERT INTO step (${stepColumns})
     SELECT $2, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, false, priority, deadline, '',
       ready_at, dispatched_at, NULL, started_at, ended_at, input, output, failure, 0, done_seq, detail, '', 0, false
     FROM step WHERE run = $1 AND node = ANY($3::text[]) AND shard > 0`,
    [from, to, nodes],
  );
}

export type DedupeKey = { readonly tenant: string; readonly workflow: string; readonly dedupeKey: string };

/** Ids of the runs that hold dedupe keys; by `tenant/workflow/key`. */
export async function findByDedupeKey(db: Queryable, keys: readonly DedupeKey[]): Promise<ReadonlyMap<string, string>> {
  if (keys.length === 0) return new Map();
  const { rows } = await db.query<{ id: string; tenant: string; workflow: string; dedupe_key: string }>(
    `SELECT r.id, r.tenant, r.workflow, r.dedupe_key
     FROM unnest($1::text[], $2::text[], $3::text[]) AS k (tenant, workflow, key)
     JOIN run r ON r.tenant = k.tenant AND r.workflow = k.workflow AND r.dedupe_key = k.key`,
    [keys.map((key) => key.tenant), keys.map((key) => key.workflow), keys.map((key) => key.dedupeKey)],
  );
  return new Map(rows.map((row) => [`${row.tenant}/${row.workflow}/${row.dedupe_key}`, row.id]));
}
