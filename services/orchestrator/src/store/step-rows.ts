import { type StepFailure, type StepPhase, type StepState, stepKey } from "../domain/run-state.ts";
import type { StepDetail } from "../domain/step-detail.ts";

export type StepRow = {
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
  done_seq: number;
  detail: StepDetail | null;
};

/** All but the input and the output, which may be large. */
export const STEP_HEAD_COLUMNS = `run, node, shard, state, epoch, done_epoch, attempt, takeovers, gate_retries, queued,
  worker, ready_at, dispatched_at, lease_until, started_at, ended_at, failure, cost_nano_usd, done_seq, detail`;

const NO_DETAIL: StepDetail = {};

export function toStep(row: StepRow): StepState {
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
    output: row.output ?? null,
    failure: row.failure ?? undefined,
    costNanoUsd: row.cost_nano_usd,
    doneSeq: row.done_seq,
    detail: row.detail ?? NO_DETAIL,
  };
}

/** Steps by their key. */
export function byKey(rows: readonly StepRow[]): Map<string, StepState> {
  return new Map(rows.map((row) => [stepKey(row.node, row.shard), toStep(row)]));
}
