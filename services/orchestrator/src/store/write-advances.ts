import type { Queryable } from "@agentmesh/postgres";
import type { Advance } from "../domain/outcome.ts";
import type { StepState } from "../domain/run-state.ts";
import { stepKey } from "../domain/run-state.ts";
import type { RunHead } from "./run-rows.ts";

/** An advance of a run, to be written. */
export type Advanced = { readonly head: RunHead; readonly advance: Advance };

/** A step was claimed, renewed or released between reading and writing: read again and advance again. */
export class StepMovedError extends Error {
  override readonly name = "StepMovedError";
}

type StepWrite = {
  readonly run: Advance["run"];
  readonly head: RunHead;
  readonly step: StepState;
  readonly before: StepState | undefined;
  readonly input: string | undefined;
};

// A class of priority is worth this much waiting: then the lowest passes the highest after five minutes.
const BUCKET_S = 30;
const bucketOf = (ready: string, priority: string) =>
  `floor(extract(epoch FROM coalesce(${ready}, now())) / ${BUCKET_S})::int - ${priority}`;

const isLive = (shard: string, state: string) =>
  `${shard} > 0 AND ${state} NOT IN ('succeeded', 'failed', 'skipped', 'cancelled')`;

/** What of new steps is stored: 20 parameters from `$1`. Also used where runs are inserted. */
export const freshSteps = `SELECT run, node, shard, state, epoch, 0, 1, 0, 0, queued,
    priority, deadline, worker, ready_at, dispatched_at, lease_until, started_at, ended_at, input,
    output, failure, 0, done_seq, detail, tenant,
    CASE WHEN queued THEN ${bucketOf("ready_at", "priority")} ELSE 0 END, ${isLive("shard", "state")}
  FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::int[], $6::boolean[], $7::smallint[],
    $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::json[],
    $14::json[], $15::json[], $16::int[], $17::json[], $18::text[], $19::text[], $20::timestamptz[])
    AS s (run, node, shard, state, epoch, queued, priority, deadline, ready_at, dispatched_at, started_at,
    ended_at, input, output, failure, done_seq, detail, tenant, worker, lease_until)`;

export const stepColumns = `run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued,
  priority, deadline, worker, ready_at, dispatched_at, lease_until, started_at, ended_at, input, output, failure,
  cost_nano_usd, done_seq, detail, tenant, bucket, live`;

// One statement, for each round trip costs both sides a wake-up: a fifth of the CPU of a run when there were four.
// Arrays and not one JSON document: json_to_recordset unescapes, so an output that holds a NUL escape would fail.
// `moved` is the one place where a row may have changed under us, because claims, heartbeats and the backlog do not
// take the run's lock: state, epoch and, where the lease decided, the lease must be what was read.
// An output and an input that are not given stay: of a run that is loaded by parts they are not at hand.
const WRITE = `WITH fresh AS (
  INSERT INTO step (${stepColumns}) ${freshSteps}
), moved AS (
  UPDATE step s SET state = w.state, epoch = w.epoch, done_epoch = w.done_epoch, attempt = w.attempt,
    takeovers = w.takeovers, gate_retries = w.gate_retries, queued = w.queued, worker = w.worker,
    ready_at = w.ready_at, dispatched_at = w.dispatched_at, lease_until = w.lease_until,
    started_at = w.started_at, ended_at = w.ended_at, output = coalesce(w.output, s.output), failure = w.failure,
    cost_nano_usd = w.cost_nano_usd, done_seq = w.done_seq, detail = w.detail, input = coalesce(w.input, s.input),
    deadline = w.deadline, tenant = coalesce(nullif(w.tenant, ''), s.tenant),
    bucket = CASE WHEN w.queued THEN ${bucketOf("w.ready_at", "s.priority")} ELSE s.bucket END,
    live = ${isLive("s.shard", "w.state")}
  FROM unnest($21::uuid[], $22::text[], $23::int[], $24::text[], $25::int[], $26::timestamptz[], $27::text[],
    $28::int[], $29::int[], $30::smallint[], $31::smallint[], $32::smallint[], $33::boolean[], $34::text[],
    $35::timestamptz[], $36::timestamptz[], $37::timestamptz[], $38::timestamptz[], $39::timestamptz[], $40::json[],
    $41::json[], $42::bigint[], $43::int[], $44::json[], $45::json[], $46::timestamptz[], $47::text[])
    AS w (run, node, shard, was_state, was_epoch, was_lease, state, epoch, done_epoch, attempt, takeovers,
    gate_retries, queued, worker, ready_at, dispatched_at, lease_until, started_at, ended_at, output, failure,
    cost_nano_usd, done_seq, detail, input, deadline, tenant)
  WHERE s.run = w.run AND s.node = w.node AND s.shard = w.shard AND s.state = w.was_state
    AND s.epoch = w.was_epoch AND (w.was_lease IS NULL OR s.lease_until = w.was_lease)
  RETURNING 1
), said AS (
  INSERT INTO run_event (run, seq, at, events)
  SELECT run, seq, now(), events FROM unnest($48::uuid[], $49::int[], $50::json[]) AS e (run, seq, events)
), runs AS (
  UPDATE run r SET state = w.state, seq = w.seq, cancel_requested = w.cancel_requested, output = w.output,
    failure = w.failure, cost_nano_usd = w.cost_nano_usd, ended_at = w.ended_at, wake_at = w.wake_at,
    deadline = w.deadline, paused_at = w.paused_at, ending = w.ending, sla_at = w.sla_at, at_risk = w.at_risk
  FROM unnest($51::uuid[], $52::text[], $53::int[], $54::boolean[], $55::json[], $56::json[], $57::bigint[],
    $58::timestamptz[], $59::timestamptz[], $60::timestamptz[], $61::timestamptz[], $62::text[], $63::timestamptz[],
    $64::boolean[]) AS w (id, state, seq, cancel_requested, output, failure, cost_nano_usd, ended_at, wake_at,
    deadline, paused_at, ending, sla_at, at_risk)
  WHERE r.id = w.id
) SELECT count(*)::int AS moved FROM moved`;

/**
 * Writes what changed of runs whose rows are locked, however many there are.
 *
 * @throws StepMovedError when a step is no longer as it was read; the transaction must be rolled back
 */
export async function writeAdvances(tx: Queryable, all: readonly Advanced[]): Promise<void> {
  const steps = all.flatMap(stepWrites);
  const fresh = steps.filter(({ before }) => before === undefined);
  const known = steps.filter(({ before }) => before !== undefined);
  const changed = all.filter(hasChanged);
  if (changed.length === 0) return;
  const { rows } = await tx.query<{ moved: number }>(WRITE, [
    ...freshStepValues(fresh),
    ...knownStepValues(known),
    ...eventValues(all),
    ...runValues(changed.map(({ advance }) => advance.run)),
  ]);
  if (rows[0]?.moved !== known.length) throw new StepMovedError("a step moved while its run was advanced");
}

export function stepWrites({ head, advance }: Advanced): StepWrite[] {
  return advance.changed.map((step) => {
    const key = stepKey(step.node, step.shard);
    return { run: advance.run, head, step, before: advance.before.steps.get(key), input: advance.inputs.get(key) };
  });
}

function hasChanged({ advance: { run, before, changed } }: Advanced): boolean {
  return run.seq > before.seq || changed.length > 0 || run.wakeAtMs !== before.wakeAtMs || run.atRisk !== before.atRisk;
}

/** Parameters of `freshSteps`. */
export function freshStepValues(writes: readonly StepWrite[]): unknown[] {
  return [
    writes.map(({ run }) => run.id),
    writes.map(({ step }) => step.node),
    writes.map(({ step }) => step.shard),
    writes.map(({ step }) => step.state),
    writes.map(({ step }) => step.epoch),
    writes.map(({ step }) => step.queued),
    writes.map(({ head }) => head.priority),
    writes.map(({ run }) => time(run.deadlineMs)),
    writes.map(({ step }) => time(step.readyAtMs)),
    writes.map(({ step }) => time(step.dispatchedAtMs)),
    writes.map(({ step }) => time(step.startedAtMs)),
    writes.map(({ step }) => time(step.endedAtMs)),
    writes.map(({ input }) => input ?? "null"),
    writes.map(({ step }) => json(step.output)),
    writes.map(({ step }) => json(step.failure)),
    writes.map(({ step }) => step.doneSeq),
    writes.map(({ step }) => detail(step)),
    writes.map(({ head, step }) => (step.queued ? head.tenant : "")),
    writes.map(({ step }) => step.worker),
    writes.map(({ step }) => time(step.leaseUntilMs)),
  ];
}

function knownStepValues(writes: readonly StepWrite[]): unknown[] {
  return [
    writes.map(({ run }) => run.id),
    writes.map(({ step }) => step.node),
    writes.map(({ step }) => step.shard),
    writes.map(({ before }) => before?.state),
    writes.map(({ before }) => before?.epoch),
    writes.map(({ before, step }) => (step.takeovers === before?.takeovers ? null : time(before?.leaseUntilMs))),
    writes.map(({ step }) => step.state),
    writes.map(({ step }) => step.epoch),
    writes.map(({ step }) => step.doneEpoch),
    writes.map(({ step }) => step.attempt),
    writes.map(({ step }) => step.takeovers),
    writes.map(({ step }) => step.gateRetries),
    writes.map(({ step }) => step.queued),
    writes.map(({ step }) => step.worker),
    writes.map(({ step }) => time(step.readyAtMs)),
    writes.map(({ step }) => time(step.dispatchedAtMs)),
    writes.map(({ step }) => time(step.leaseUntilMs)),
    writes.map(({ step }) => time(step.startedAtMs)),
    writes.map(({ step }) => time(step.endedAtMs)),
    writes.map(({ step, before }) => (step.output === before?.output ? null : json(step.output))),
    writes.map(({ step }) => json(step.failure)),
    writes.map(({ step }) => step.costNanoUsd),
    writes.map(({ step }) => step.doneSeq),
    writes.map(({ step }) => detail(step)),
    writes.map(({ input }) => input ?? null),
    writes.map(({ run }) => time(run.deadlineMs)),
    writes.map(({ head, step }) => (step.queued ? head.tenant : "")),
  ];
}

/** Run, sequence and events of each advance that says something. */
export function eventValues(all: readonly Advanced[]): unknown[] {
  const saying = all.filter(({ advance }) => advance.events.length > 0);
  return [
    saying.map(({ advance }) => advance.run.id),
    saying.map(({ advance }) => advance.run.seq),
    saying.map(({ advance }) => JSON.stringify(advance.events)),
  ];
}

function runValues(runs: readonly Advance["run"][]): unknown[] {
  return [
    runs.map((run) => run.id),
    runs.map((run) => run.phase),
    runs.map((run) => run.seq),
    runs.map((run) => run.cancelRequested),
    runs.map((run) => json(run.output)),
    runs.map((run) => json(run.failure)),
    runs.map((run) => run.costNanoUsd),
    runs.map((run) => time(run.endedAtMs)),
    runs.map((run) => time(run.wakeAtMs)),
    runs.map((run) => time(run.deadlineMs)),
    runs.map((run) => time(run.pausedAtMs)),
    runs.map((run) => run.ending ?? null),
    runs.map((run) => time(run.slaAtMs)),
    runs.map((run) => run.atRisk),
  ];
}

/** Wakes runs a minute later. */
export async function postponeRuns(tx: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query("UPDATE run SET wake_at = now() + interval '1 minute' WHERE id = ANY($1::uuid[])", [ids]);
}

let lastMs = Number.NaN;
let lastText = "";

/** Most times of a batch are one and the same. */
export function time(ms: number | undefined): string | null {
  if (ms === undefined) return null;
  if (ms !== lastMs) {
    lastMs = ms;
    lastText = new Date(ms).toISOString();
  }
  return lastText;
}

export function json(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value);
}

function detail(step: StepState): string | null {
  for (const _ in step.detail) return JSON.stringify(step.detail);
  return null;
}
