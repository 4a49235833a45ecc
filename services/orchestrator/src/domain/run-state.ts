/** What `advance` works on: plain values, times in milliseconds since the epoch. */
export type RunPhase = "running" | "succeeded" | "failed" | "cancelled";

export type StepPhase =
  | "pending"
  | "ready"
  | "dispatched"
  | "running"
  | "succeeded"
  | "failed"
  | "skipped"
  | "cancelled";

export type StepFailure = { readonly code: string; readonly message: string; readonly retryable: boolean };

export type StepState = {
  readonly node: string;
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
};

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
  /** By node. A step gets its entry when it stops waiting; one that is not here is pending. */
  readonly steps: ReadonlyMap<string, StepState>;
};

export type NewRun = Pick<RunState, "id" | "input" | "deadlineMs">;

export function newRun(run: NewRun): RunState {
  return {
    ...run,
    phase: "running",
    output: null,
    failure: undefined,
    seq: 0,
    cancelRequested: false,
    endedAtMs: undefined,
    costNanoUsd: 0n,
    wakeAtMs: undefined,
    steps: new Map(),
  };
}

export function newStep(node: string): StepState {
  return {
    node,
    shard: 0,
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
  };
}

export function isOpen(state: StepPhase): boolean {
  return state === "pending" || state === "ready" || state === "dispatched" || state === "running";
}
