import type { Ending, RunPhase, RunState, StepFailure, StepState } from "../domain/run-state.ts";

/** What of a run never changes. */
export type RunHead = {
  readonly tenant: string;
  readonly workflow: string;
  readonly version: number;
  readonly priority: number;
  readonly subject: string;
  readonly actors: readonly string[];
  readonly origin: string;
  readonly dedupeKey: string;
  readonly traceparent: string | undefined;
  readonly createdAt: Date;
  /** How many runs stand above it. */
  readonly depth: number;
  /** It has steps with many shards, so it is loaded by parts. */
  readonly light: boolean;
};

export type StoredRun = { readonly head: RunHead; readonly state: RunState };

export type RunRow = {
  id: string;
  tenant: string;
  workflow: string;
  version: number;
  state: RunPhase;
  priority: number;
  subject: string;
  actors: string[] | null;
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
  paused_at: Date | null;
  paused_with_parent: boolean;
  parent_seq: number;
  ending: Ending | null;
  parent_run: string | null;
  parent_node: string | null;
  parent_shard: number | null;
  depth: number;
  started_by: string | null;
  sla_at: Date | null;
  at_risk: boolean;
  light: boolean;
};

/** All but the input and the output, which may be large. */
export const RUN_HEAD_COLUMNS = `id, tenant, workflow, version, state, priority, subject, actors, origin, dedupe_key,
  seq, cancel_requested, failure, cost_nano_usd, traceparent, created_at, deadline, ended_at, wake_at, paused_at,
  ending, parent_run, parent_node, parent_shard, depth, started_by, sla_at, at_risk, light,
  paused_with_parent, parent_seq`;

export function toRun(row: RunRow, steps: ReadonlyMap<string, StepState>): StoredRun {
  return { head: toHead(row), state: toState(row, steps) };
}

function toHead(row: RunRow): RunHead {
  return {
    tenant: row.tenant,
    workflow: row.workflow,
    version: row.version,
    priority: row.priority,
    subject: row.subject,
    actors: row.actors ?? [],
    origin: row.origin,
    dedupeKey: row.dedupe_key ?? "",
    traceparent: row.traceparent ?? undefined,
    createdAt: row.created_at,
    depth: row.depth,
    light: row.light,
  };
}

function toState(row: RunRow, steps: ReadonlyMap<string, StepState>): RunState {
  return {
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
    pausedAtMs: row.paused_at?.getTime(),
    pausedWithParent: row.paused_with_parent,
    parentSeq: row.parent_seq,
    ending: row.ending ?? undefined,
    slaAtMs: row.sla_at?.getTime(),
    atRisk: row.at_risk,
    parent:
      row.parent_run === null
        ? undefined
        : { run: row.parent_run, node: row.parent_node ?? "", shard: row.parent_shard ?? 0 },
    startedBy: row.started_by ?? row.subject,
    createdAtMs: row.created_at.getTime(),
    steps,
  };
}
