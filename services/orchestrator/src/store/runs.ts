import type { Queryable } from "@agentmesh/postgres";
import type { RunPhase, RunState, StepFailure, StepPhase, StepState } from "../domain/run-state.ts";

/** What of a run never changes. */
export type RunHead = {
  readonly tenant: string;
  readonly workflow: string;
  readonly version: number;
  readonly priority: number;
  readonly subject: string;
  readonly origin: string;
  readonly dedupeKey: string;
  readonly traceparent: string | undefined;
  readonly createdAt: Date;
};

export type StoredRun = { readonly head: RunHead; readonly state: RunState };

export type LockedRuns = { readonly runs: readonly StoredRun[]; readonly nowMs: number };

type RunRow = {
  id: string;
  tenant: string;
  workflow: string;
  version: number;
  state: RunPhase;
  priority: number;
  subject: string;
  origin: string;
  dedupe_key: string | null;
  seq: number;
  cancel_requested: boolean;
  input: unknown;
  output: unknown;
  failure: StepFailure | null;
  cost_nano_usd: bigint;
  traceparent: string | null;
  created_at: Date;
  deadline: Date;
  ended_at: Date | null;
  wake_at: Date | null;
  now: Date;
};

const RUN_COLUMNS = `id, tenant, workflow, version, state, priority, subject, origin, dedupe_key, seq, cancel_requested,
  input, output, failure, cost_nano_usd, traceparent, created_at, deadline, ended_at, wake_at`;

/** Locks runs in the order of their ids, so that two batches never wait for each other; then reads their steps. */
export async function lockRuns(tx: Queryable, ids: readonly string[]): Promise<LockedRuns> {
  const { rows } = await tx.query<RunRow>(
    `SELECT ${RUN_COLUMNS}, clock_timestamp() AS now FROM run WHERE id = ANY($1::uuid[])
     ORDER BY id FOR NO KEY UPDATE`,
    [ids],
  );
  return withSteps(tx, rows);
}

/** Locks runs whose wake-up has come and whom nobody else holds. */
export async function lockDueRuns(tx: Queryable, limit: number): Promise<LockedRuns> {
  const { rows } = await tx.query<RunRow>(
    `SELECT ${RUN_COLUMNS}, clock_timestamp() AS now FROM run WHERE wake_at <= now()
     ORDER BY wake_at LIMIT $1 FOR NO KEY UPDATE SKIP LOCKED`,
    [limit],
  );
  return withSteps(tx, rows);
}

/** A run of a tenant, or undefined. */
export async function readRun(db: Queryable, tenant: string, id: string): Promise<StoredRun | undefined> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${RUN_COLUMNS}, clock_timestamp() AS now FROM run WHERE id = $1 AND tenant = $2`,
    [id, tenant],
  );
  return (await withSteps(db, rows)).runs[0];
}

/** What each step of a run was given, by node. */
export async function readInputs(db: Queryable, run: string): Promise<ReadonlyMap<string, unknown>> {
  const { rows } = await db.query<{ node: string; input: unknown }>("SELECT node, input FROM step WHERE run = $1", [
    run,
  ]);
  return new Map(rows.map((row) => [row.node, row.input]));
}

export type RunPage = {
  readonly tenant: string;
  /** Empty: all. */
  readonly workflow: string;
  /** Empty: all. */
  readonly state: string;
  readonly before: string;
  readonly limit: number;
};

/** Newest first, without steps. */
export async function listRuns(db: Queryable, page: RunPage): Promise<StoredRun[]> {
  const { rows } = await db.query<RunRow>(
    `SELECT ${RUN_COLUMNS}, now() AS now FROM run
     WHERE tenant = $1 AND id < $2 AND ($3 = '' OR workflow = $3) AND ($4 = '' OR state = $4)
     ORDER BY id DESC LIMIT $5`,
    [page.tenant, page.before, page.workflow, page.state, page.limit],
  );
  return rows.map((row) => toRun(row, new Map()));
}

type StepRow = {
  run: string;
  node: string;
  shard: number;
  state: StepPhase;
  epoch: number;
  done_epoch: number;
  attempt: number;
  takeovers: number;
  gate_retries: number;
  queued: boolean;
  worker: string;
  ready_at: Date | null;
  dispatched_at: Date | null;
  lease_until: Date | null;
  started_at: Date | null;
  ended_at: Date | null;
  output: unknown;
  failure: StepFailure | null;
  cost_nano_usd: bigint;
};

async function withSteps(db: Queryable, rows: readonly RunRow[]): Promise<LockedRuns> {
  const [first] = rows;
  if (!first) return { runs: [], nowMs: 0 };
  const steps = new Map<string, Map<string, StepState>>(rows.map((row) => [row.id, new Map()]));
  const found = await db.query<StepRow>(
    `SELECT run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued, worker, ready_at,
       dispatched_at, lease_until, started_at, ended_at, output, failure, cost_nano_usd
     FROM step WHERE run = ANY($1::uuid[])`,
    [rows.map((row) => row.id)],
  );
  for (const row of found.rows) steps.get(row.run)?.set(row.node, toStep(row));
  return { runs: rows.map((row) => toRun(row, steps.get(row.id) ?? new Map())), nowMs: first.now.getTime() };
}

function toRun(row: RunRow, steps: ReadonlyMap<string, StepState>): StoredRun {
  return {
    head: {
      tenant: row.tenant,
      workflow: row.workflow,
      version: row.version,
      priority: row.priority,
      subject: row.subject,
      origin: row.origin,
      dedupeKey: row.dedupe_key ?? "",
      traceparent: row.traceparent ?? undefined,
      createdAt: row.created_at,
    },
    state: {
      id: row.id,
      phase: row.state,
      input: row.input,
      output: row.output,
      failure: row.failure ?? undefined,
      seq: row.seq,
      cancelRequested: row.cancel_requested,
      deadlineMs: row.deadline.getTime(),
      endedAtMs: row.ended_at?.getTime(),
      costNanoUsd: row.cost_nano_usd,
      wakeAtMs: row.wake_at?.getTime(),
      steps,
    },
  };
}

function toStep(row: StepRow): StepState {
  return {
    node: row.node,
    shard: row.shard,
    state: row.state,
    epoch: row.epoch,
    doneEpoch: row.done_epoch,
    attempt: row.attempt,
    takeovers: row.takeovers,
    gateRetries: row.gate_retries,
    queued: row.queued,
    worker: row.worker,
    readyAtMs: row.ready_at?.getTime(),
    dispatchedAtMs: row.dispatched_at?.getTime(),
    leaseUntilMs: row.lease_until?.getTime(),
    startedAtMs: row.started_at?.getTime(),
    endedAtMs: row.ended_at?.getTime(),
    output: row.output,
    failure: row.failure ?? undefined,
    costNanoUsd: row.cost_nano_usd,
  };
}
