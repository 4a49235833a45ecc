import type { Environment } from "./environment.ts";
import type {
  ApprovalChange,
  ChildStart,
  ChildStop,
  ChildTold,
  Dispatch,
  Emitted,
  EventWait,
  Note,
  Refusal,
  RunEvent,
} from "./outcome.ts";
import type { Plan } from "./plan.ts";
import { newStep, type RunState, type StepState, stepKey } from "./run-state.ts";
import type { ShardFailure } from "./step-detail.ts";

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
  /** Keys. */
  readonly handed: string[];
  readonly emits: Emitted[];
  readonly children: ChildStart[];
  readonly stopChildren: ChildStop[];
  readonly tellChildren: ChildTold[];
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
    handed: [],
    emits: [],
    children: [],
    stopChildren: [],
    tellChildren: [],
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
