import type { Want } from "./environment.ts";
import type { RunState, StepState } from "./run-state.ts";

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

/** A run that is to stand still, or to go on, with its parent. */
export type ChildTold = { readonly child: string; readonly kind: "pause" | "resume" };

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

/** What follows from an advance, for the engine to write and to carry out. */
export type Advance = {
  readonly before: RunState;
  readonly run: RunState;
  /** When not empty the rest is void: load these and advance again with the same inputs. */
  readonly wants: readonly Want[];
  /** Steps whose row is new (its key is not in `before.steps`) or other than before. */
  readonly changed: readonly StepState[];
  /** JSON by step key, of new steps and of steps that are tried again with another input. */
  readonly inputs: ReadonlyMap<string, string>;
  /** In order; the first has the sequence `before.seq + 1`. */
  readonly events: readonly RunEvent[];
  readonly dispatches: readonly Dispatch[];
  /** Keys of steps that were handed to the worker who offered itself: running, as if it had claimed them. */
  readonly handed: readonly string[];
  readonly emits: readonly Emitted[];
  readonly children: readonly ChildStart[];
  readonly stopChildren: readonly ChildStop[];
  readonly tellChildren: readonly ChildTold[];
  readonly approvals: readonly ApprovalChange[];
  readonly eventWaits: readonly EventWait[];
  /** By the index of an input whose answer is false, where there is a reason to tell. */
  readonly refusals: ReadonlyMap<number, Refusal>;
  readonly notes: readonly Note[];
  /** One for each input: whether it counts. */
  readonly answers: readonly boolean[];
  /** The run ended here and not before. */
  readonly ended: boolean;
  /** From here on the run is expected to miss its `slaAtMs`. */
  readonly atRisk: boolean;
};
