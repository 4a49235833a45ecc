import type { Plan } from "./plan.ts";
import { newStep, type RunState, type ShardFailure, type StepState, stepKey } from "./run-state.ts";

/** What `advance` may not find out by itself. */
export type Environment = {
  /** The database's clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** 0..1, for jitter. */
  readonly random: () => number;
  /** How many steps may be dispatched at once; what is over it waits in the backlog. */
  readonly credit: number;
  readonly limits: Limits;
  /** Ids of child runs. */
  readonly newId: () => string;
  /** What was loaded of a run that is loaded lightly. Default: all of it is in the run. */
  readonly data?: Loaded | undefined;
  /** How long a step usually takes; undefined: nobody knows. Default: nobody knows. */
  readonly expectedMs?: ((node: string) => number | undefined) | undefined;
  /** What a router knows of a candidate. Default: no load, a perfect past. */
  readonly standing?: ((work: Work) => Standing | undefined) | undefined;
  /** Whether there is such an agent, tool or workflow; undefined: nobody knows. Asked for names that a path gave. */
  readonly exists?: ((work: Work) => boolean | undefined) | undefined;
};

/** Who does the work of a step. The workflow of a team is named `team:<name>`. */
export type Work = { readonly kind: "agent" | "tool" | "workflow"; readonly name: string };

/** Load 0 (idle) to 1 (full); performance 0 to 1, the share of good ends. */
export type Standing = { readonly load: number; readonly performance: number };

/**
 * What is in memory of a run with shards. Its steps then hold at least the heads (shard 0), the undo steps that are not
 * done, the shards that inputs name and those that are due; outputs of heads and the run's input only with `scope`.
 */
export type Loaded = {
  /** `run.input` and the outputs of the heads are there. */
  readonly scope: boolean;
  /** Outputs of the shards `from` to `to`, both included; null where one did not succeed. undefined: not loaded. */
  outputs(node: string, from: number, to: number): readonly unknown[] | undefined;
  /** Whether the rows of these shards, as far as there are any, are in `run.steps`, outputs included. */
  shards(node: string, from: number, to: number): boolean;
  /** All shards that are not settled are in `run.steps`. */
  readonly open: boolean;
  /** Whether the row for `undoable` is in `run.steps`, if there is one. */
  readonly undoable: boolean;
};

/** What an advance lacked. Load it and advance again with the same inputs. */
export type Want =
  | { readonly kind: "scope" }
  | { readonly kind: "outputs"; readonly node: string; readonly from: number; readonly to: number }
  | { readonly kind: "shards"; readonly node: string; readonly from: number; readonly to: number }
  /** All shards that are not settled: at most `concurrency` of each node. */
  | { readonly kind: "open" }
  /**
   * Of the shards (1 and up) of these nodes that succeeded, are in doubt or are settled with `detail.uncertain`, and have
   * no undo row of the same shard: the
   * in-doubt ones before the others, then the highest `doneSeq`, `endedAtMs` and shard. The first is enough.
   */
  | { readonly kind: "undoable"; readonly nodes: readonly string[] };

export type Limits = {
  /** A dispatched step that nobody claimed is dispatched again after this time. */
  readonly redispatchAfterMs: number;
  /** How long a claim or heartbeat keeps a step. */
  readonly leaseMs: number;
  /** Leases of one step that may end without a result before the step fails. */
  readonly maxTakeovers: number;
};

export type RunEvent = {
  readonly type: string;
  readonly node: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** An address for the work queue. */
export type Dispatch = {
  readonly node: string;
  readonly shard: number;
  readonly epoch: number;
  readonly again: boolean;
};

/** An event that a step of kind emit publishes. */
export type Emitted = { readonly id: string; readonly type: string; readonly key: string; readonly json: string };

/**
 * A run to start for a step. Its end comes back as the input `child-ended`, also when it cannot be started: then failed
 * with the reason.
 */
export type ChildStart = {
  readonly node: string;
  readonly shard: number;
  /** 1 for the first try; part of the child's dedupe key. */
  readonly attempt: number;
  /** The id the child must get. */
  readonly child: string;
  readonly workflow: string;
  readonly input: unknown;
  /** No later than this; undefined: the parent's deadline. */
  readonly deadlineMs: number;
};

/** A run to cancel, for its parent no longer needs it. */
export type ChildStop = { readonly child: string };

/** Who may decide. Both empty: whoever may decide approvals at all. */
export type Approvers = { readonly subjects: readonly string[]; readonly roles: readonly string[] };

/** How an approval stands now; one row for each (run, node, shard), the last one counts. */
export type ApprovalChange = {
  readonly node: string;
  readonly shard: number;
  readonly state: "pending" | "approved" | "rejected" | "expired" | "cancelled";
  readonly title: string;
  readonly argsHash: string;
  /** JSON of what is to be approved; undefined: as it was. */
  readonly input: string | undefined;
  readonly approvers: Approvers;
  /** Who started the run may not decide. */
  readonly notByStarter: boolean;
  readonly expiresAtMs: number | undefined;
  readonly escalated: number;
  /** Subject; empty while nobody decided. */
  readonly by: string;
  readonly comment: string;
};

/** An event that a step waits for from now on, or since the run began. */
export type EventWait = {
  readonly node: string;
  readonly shard: number;
  readonly publisher: string;
  readonly type: string;
  /** Path into { id, type, data, time } whose value, as text (`eventKey`), must be `key`; undefined: any event. */
  readonly match: string | undefined;
  readonly key: string;
};

/** Why an input was refused, for the answer to whoever gave it. */
export type Refusal = {
  readonly code: "FAILED_PRECONDITION" | "PERMISSION_DENIED" | "INVALID_ARGUMENT" | "NOT_FOUND";
  /** UPPER_SNAKE, for machines. */
  readonly reason: string;
  readonly message: string;
};

/** Happenings worth counting. */
export type Note =
  | "retried"
  | "taken-over"
  | "timed-out"
  | "redispatched"
  | "stale-result"
  | "gate-failed"
  | "stuck"
  | "in-doubt"
  | "expired";

/** What ended of a node's shards since its head was written. */
export type Tally = {
  readonly ok: number;
  readonly failed: number;
  readonly bytes: number;
  /** The first of them. */
  readonly failures: readonly ShardFailure[];
};

/** The run while it is advanced: the one mutable thing, made and dropped inside a call of `advance`. */
export type Draft = {
  readonly plan: Plan;
  readonly environment: Environment;
  run: RunState;
  readonly steps: Map<string, StepState>;
  /** Keys of steps. */
  readonly changed: Set<string>;
  /** JSON of the inputs of steps that became ready, by key. */
  readonly inputs: Map<string, string>;
  readonly events: RunEvent[];
  readonly dispatches: Dispatch[];
  readonly emits: Emitted[];
  readonly children: ChildStart[];
  readonly stopChildren: ChildStop[];
  readonly approvals: ApprovalChange[];
  readonly eventWaits: EventWait[];
  /** undefined: none. */
  refusals: Map<number, Refusal> | undefined;
  /** What ended of the shards of a node, for its head; also empty, when its head should look whether to release more. */
  touched: Map<string, Tally> | undefined;
  /** Shards released in this advance. */
  released: number;
  readonly notes: Note[];
  credit: number;
};

export function openDraft(plan: Plan, run: RunState, environment: Environment): Draft {
  return {
    plan,
    environment,
    run,
    steps: new Map(run.steps),
    changed: new Set(),
    inputs: new Map(),
    events: [],
    dispatches: [],
    emits: [],
    children: [],
    stopChildren: [],
    approvals: [],
    eventWaits: [],
    refusals: undefined,
    touched: undefined,
    released: 0,
    notes: [],
    credit: environment.credit,
  };
}

/** Which step: its node and shard. */
export type Place = Pick<StepState, "node" | "shard">;

export function head(node: string): Place {
  return { node, shard: 0 };
}

export function change(draft: Draft, { node, shard }: Place, next: Partial<StepState>): StepState {
  const key = stepKey(node, shard);
  const step = { ...(draft.steps.get(key) ?? newStep(node, shard)), ...next };
  draft.steps.set(key, step);
  draft.changed.add(key);
  return step;
}

export function say(draft: Draft, type: string, node = "", data: Readonly<Record<string, unknown>> = {}): void {
  draft.events.push({ type, node, data });
}

/** What a step no longer has when it is in nobody's hands. */
export const SETTLED = {
  queued: false,
  worker: "",
  leaseUntilMs: undefined,
  readyAtMs: undefined,
  dispatchedAtMs: undefined,
} as const;

const NOTHING: Tally = { ok: 0, failed: 0, bytes: 0, failures: [] };
export const MAX_TOLD_FAILURES = 20;

/** Notes that a shard ended, or nothing: then the head looks whether there is more to release. */
export function tally(
  draft: Draft,
  node: string,
  ended: { ok?: 1; bytes?: number; failure?: ShardFailure } = {},
): void {
  const { ok, failed, bytes, failures } = draft.touched?.get(node) ?? NOTHING;
  const { failure } = ended;
  draft.touched ??= new Map();
  draft.touched.set(node, {
    ok: ok + (ended.ok ?? 0),
    failed: failed + (failure ? 1 : 0),
    bytes: bytes + (ended.bytes ?? 0),
    failures: failure && failures.length < MAX_TOLD_FAILURES ? [...failures, failure] : failures,
  });
}
