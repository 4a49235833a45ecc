import type { Plan } from "./plan.ts";
import { newStep, type RunState, type StepFailure, type StepState } from "./run-state.ts";

/** What `advance` may not find out by itself. */
export type Environment = {
  /** The database's clock, milliseconds since the epoch. */
  readonly nowMs: number;
  /** 0..1, for jitter. */
  readonly random: () => number;
  /** How many steps may be dispatched at once; what is over it waits in the backlog. */
  readonly credit: number;
  readonly limits: Limits;
};

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

/** Happenings worth counting. */
export type Note = "retried" | "taken-over" | "timed-out" | "redispatched" | "stale-result" | "gate-failed" | "stuck";

/** The run while it is advanced: the one mutable thing, made and dropped inside a call of `advance`. */
export type Draft = {
  readonly plan: Plan;
  readonly environment: Environment;
  run: RunState;
  readonly steps: Map<string, StepState>;
  readonly changed: Set<string>;
  /** JSON of the inputs of steps that became ready. */
  readonly inputs: Map<string, string>;
  readonly events: RunEvent[];
  readonly dispatches: Dispatch[];
  readonly emits: Emitted[];
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
    notes: [],
    credit: environment.credit,
  };
}

export function change(draft: Draft, node: string, next: Partial<StepState>): StepState {
  const step = { ...(draft.steps.get(node) ?? newStep(node)), ...next };
  draft.steps.set(node, step);
  draft.changed.add(node);
  return step;
}

export function say(draft: Draft, type: string, node = "", data: Readonly<Record<string, unknown>> = {}): void {
  draft.events.push({ type, node, data });
}

/** What paths lead into: `$.input…`, `$.steps.<id>.state`, `$.steps.<id>.output…`. */
export function scopeOf(draft: Draft): { input: unknown; steps: Record<string, { state: string; output: unknown }> } {
  const entries = [...draft.steps.values()].map(
    (step) => [step.node, { state: step.state, output: step.output }] as const,
  );
  return { input: draft.run.input, steps: Object.fromEntries(entries) };
}

const SETTLED = {
  queued: false,
  worker: "",
  leaseUntilMs: undefined,
  readyAtMs: undefined,
  dispatchedAtMs: undefined,
} as const;

export function succeedStep(
  draft: Draft,
  node: string,
  output: unknown,
  data: Readonly<Record<string, unknown>>,
): void {
  change(draft, node, { ...SETTLED, state: "succeeded", output, endedAtMs: draft.environment.nowMs });
  say(draft, "step.succeeded", node, data);
}

export function failStep(draft: Draft, node: string, failure: StepFailure): void {
  const { attempt } = change(draft, node, {
    ...SETTLED,
    state: "failed",
    failure,
    endedAtMs: draft.environment.nowMs,
  });
  say(draft, "step.failed", node, { code: failure.code, message: failure.message, attempt });
  const spec = draft.plan.byId.get(node)?.spec;
  if (spec && spec.kind !== "emit" && spec.onFailure === "continue") return;
  endRun(draft, "failed", { ...failure, message: `step ${node}: ${failure.message}`, retryable: false });
}

/** Ends a run that did not succeed. What is in flight is fenced: its state no longer takes a result. */
export function endRun(draft: Draft, phase: "failed" | "cancelled", failure: StepFailure): void {
  const { nowMs } = draft.environment;
  for (const step of draft.steps.values()) {
    if (step.state !== "ready" && step.state !== "dispatched" && step.state !== "running") continue;
    change(draft, step.node, { ...SETTLED, state: "cancelled", endedAtMs: nowMs });
    say(draft, "step.cancelled", step.node);
  }
  // A step that was released a moment ago in the same advance must not go out either.
  draft.dispatches.length = 0;
  draft.run = { ...draft.run, phase, failure, endedAtMs: nowMs };
  say(draft, `run.${phase}`, "", { code: failure.code, message: failure.message });
}
