import type { StepDetail } from "./step-detail.ts";

/** What `advance` works on: plain values, times in milliseconds since the epoch. */
export type RunPhase = "running" | "compensating" | "succeeded" | "failed" | "cancelled";

/** How a run ends that does not succeed. */
export type Ending = "failed" | "cancelled";

export type StepPhase =
  | "pending"
  | "ready"
  | "dispatched"
  | "running"
  /** For a child run, a decision, a time, an event, or the shards of a map or gather. */
  | "waiting"
  | "succeeded"
  | "failed"
  | "skipped"
  | "cancelled"
  /** It may have acted and cannot say so: a person resolves it. */
  | "in_doubt";

export type StepFailure = { readonly code: string; readonly message: string; readonly retryable: boolean };

export type StepState = {
  readonly node: string;
  /** 0: the step itself; 1 and up: the items of a map, the batches of a gather. */
  readonly shard: number;
  readonly state: StepPhase;
  /** Fence: grows with each dispatch. */
  readonly epoch: number;
  /** Epoch of the last result that counted; its repeat is answered like the first time. */
  readonly doneEpoch: number;
  /** 1 for the first try. */
  readonly attempt: number;
  /** Leases that ended without a result. */
  readonly takeovers: number;
  readonly gateRetries: number;
  /** In the backlog: ready, without credit. */
  readonly queued: boolean;
  readonly worker: string;
  readonly readyAtMs: number | undefined;
  readonly dispatchedAtMs: number | undefined;
  readonly leaseUntilMs: number | undefined;
  readonly startedAtMs: number | undefined;
  readonly endedAtMs: number | undefined;
  readonly output: unknown;
  readonly failure: StepFailure | undefined;
  readonly costNanoUsd: bigint;
  /** The run's sequence when it succeeded; 0 before. Undo goes from the highest down. */
  readonly doneSeq: number;
  readonly detail: StepDetail;
};

/** The step of another run that waits for this one. */
export type Parent = { readonly run: string; readonly node: string; readonly shard: number };

export type RunState = {
  readonly id: string;
  readonly phase: RunPhase;
  readonly input: unknown;
  readonly output: unknown;
  readonly failure: StepFailure | undefined;
  /** Sequence of the last event. */
  readonly seq: number;
  readonly cancelRequested: boolean;
  readonly deadlineMs: number;
  readonly endedAtMs: number | undefined;
  readonly costNanoUsd: bigint;
  /** When the sweep must look at it, at the latest. */
  readonly wakeAtMs: number | undefined;
  /** While set nothing new is released, and timers and deadline stand still. */
  readonly pausedAtMs: number | undefined;
  /** Of a paused run: its parent's pause stopped it, and the end of that pause lets it go on. A person's does not. */
  readonly pausedWithParent: boolean;
  /** Its parent's `seq` when that last said to stand still or to go on; what was said before it comes too late. */
  readonly parentSeq: number;
  /** How a compensating run will end, when its undo is through. */
  readonly ending: Ending | undefined;
  /** When it is expected to end; later is late, not wrong. */
  readonly slaAtMs: number | undefined;
  /** It was said once that the run will be late. */
  readonly atRisk: boolean;
  readonly parent: Parent | undefined;
  /** Subject. */
  readonly startedBy: string;
  readonly createdAtMs: number;
  /** By `stepKey`. A step gets its entry when it stops waiting; one that is not here is pending. */
  readonly steps: ReadonlyMap<string, StepState>;
};

export type NewRun = Pick<RunState, "id" | "input" | "deadlineMs"> &
  Partial<Pick<RunState, "slaAtMs" | "parent" | "startedBy" | "createdAtMs">>;

export function newRun(run: NewRun): RunState {
  return {
    slaAtMs: undefined,
    parent: undefined,
    startedBy: "",
    createdAtMs: 0,
    ...run,
    phase: "running",
    output: null,
    failure: undefined,
    seq: 0,
    cancelRequested: false,
    endedAtMs: undefined,
    costNanoUsd: 0n,
    wakeAtMs: undefined,
    pausedAtMs: undefined,
    pausedWithParent: false,
    parentSeq: 0,
    ending: undefined,
    atRisk: false,
    steps: new Map(),
  };
}

export function newStep(node: string, shard = 0): StepState {
  return {
    node,
    shard,
    state: "pending",
    epoch: 0,
    doneEpoch: 0,
    attempt: 1,
    takeovers: 0,
    gateRetries: 0,
    queued: false,
    worker: "",
    readyAtMs: undefined,
    dispatchedAtMs: undefined,
    leaseUntilMs: undefined,
    startedAtMs: undefined,
    endedAtMs: undefined,
    output: null,
    failure: undefined,
    costNanoUsd: 0n,
    doneSeq: 0,
    detail: {},
  };
}

/** Where a step stands in `RunState.steps`: ids contain no #. */
export function stepKey(node: string, shard: number): string {
  return shard === 0 ? node : `${node}#${shard}`;
}

/** Something will come of it by itself or by a person. */
export function isOpen(state: StepPhase): boolean {
  return state === "pending" || isInFlight(state) || state === "in_doubt";
}

/** Released and not settled. */
export function isInFlight(state: StepPhase): boolean {
  return state === "ready" || state === "dispatched" || state === "running" || state === "waiting";
}

/** What of a settled step changes when a person lets it start again. */
export function restarted(step: StepState): Partial<StepState> {
  return {
    state: "pending",
    attempt: step.attempt + 1,
    takeovers: 0,
    gateRetries: 0,
    startedAtMs: undefined,
    endedAtMs: undefined,
    output: null,
    failure: undefined,
    doneSeq: 0,
    detail: { before: step.attempt, ...(step.detail.uncertain && { uncertain: true }) },
  };
}
