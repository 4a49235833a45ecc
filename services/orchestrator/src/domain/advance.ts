import { applyResult, type Result } from "./apply-result.ts";
import { applyTime, nextWakeMs } from "./apply-time.ts";
import {
  type Dispatch,
  type Draft,
  type Emitted,
  type Environment,
  endRun,
  type Note,
  openDraft,
  type RunEvent,
  say,
} from "./draft.ts";
import type { Plan } from "./plan.ts";
import type { RunState, StepState } from "./run-state.ts";
import { unlockSteps } from "./unlock-steps.ts";

export type Input =
  | { readonly kind: "start"; readonly data: Readonly<Record<string, unknown>> }
  | Result
  | { readonly kind: "cancel"; readonly by: string; readonly reason: string }
  | { readonly kind: "tick" };

export type Advance = {
  readonly before: RunState;
  readonly run: RunState;
  /** Steps whose row is new or other than before. */
  readonly changed: readonly StepState[];
  readonly inputs: ReadonlyMap<string, string>;
  /** In order; the first has the sequence `before.seq + 1`. */
  readonly events: readonly RunEvent[];
  readonly dispatches: readonly Dispatch[];
  readonly emits: readonly Emitted[];
  readonly notes: readonly Note[];
  /** One for each input: whether it counts. */
  readonly answers: readonly boolean[];
  /** The run ended here and not before. */
  readonly ended: boolean;
};

/**
 * The workflow's state machine, pure: the same run, inputs and environment give the same advance.
 *
 * | a step is  | on                                        | becomes                                           |
 * |------------|-------------------------------------------|---------------------------------------------------|
 * | pending    | dependencies passed, `when` true          | ready (agent, tool), succeeded (emit)             |
 * | pending    | dependencies passed, `when` false         | skipped                                           |
 * | ready      | due, credit                               | dispatched, epoch + 1                             |
 * | ready      | due, no credit                            | ready, queued (released by the backlog)           |
 * | dispatched | claimed (outside, guarded by the epoch)   | running                                           |
 * | dispatched | nobody claimed it for a while             | dispatched, sent again with the same epoch        |
 * | running    | output, gate passed or `continue`         | succeeded                                         |
 * | running    | output, gate failed with `retry`          | ready at once, or failed after the gate's retries |
 * | running    | failure or timeout that may be retried    | ready after backoff, or failed after the attempts |
 * | running    | failure                                   | failed                                            |
 * | running    | lease lost                                | ready after backoff, or failed after the takeovers|
 * | any open   | cancel, deadline, another step failed     | cancelled                                         |
 *
 * "Passed" is succeeded, skipped, or failed with `onFailure: continue`. A run is running until all its steps are
 * settled (succeeded), a step fails (failed), its deadline passes (failed) or it is cancelled; an ended run changes no
 * more. A result counts only for a running step with the same epoch and worker, so whatever left that state is fenced.
 */
export function advance(plan: Plan, before: RunState, inputs: readonly Input[], environment: Environment): Advance {
  const draft = openDraft(plan, before, environment);
  const answers = inputs.map((input) => apply(draft, input));
  if (draft.run.phase === "running") unlockSteps(draft);
  if (draft.run.phase === "running" && !isActive(draft)) draft.notes.push("stuck");
  const wakeAtMs = nextWakeMs(draft);
  const changed = [...draft.changed].flatMap((node) => draft.steps.get(node) ?? []);
  return {
    before,
    run: { ...draft.run, seq: before.seq + draft.events.length, wakeAtMs, steps: draft.steps },
    changed,
    inputs: draft.inputs,
    events: draft.events,
    dispatches: draft.dispatches,
    emits: draft.emits,
    notes: draft.notes,
    answers,
    ended: before.phase === "running" && draft.run.phase !== "running",
  };
}

function apply(draft: Draft, input: Input): boolean {
  if (input.kind === "result") return applyResult(draft, input);
  if (draft.run.phase !== "running") return false;
  switch (input.kind) {
    case "start":
      say(draft, "run.started", "", input.data);
      return true;
    case "tick":
      applyTime(draft);
      return true;
    case "cancel":
      draft.run = { ...draft.run, cancelRequested: true };
      endRun(draft, "cancelled", {
        code: "CANCELLED",
        message: input.reason || `cancelled by ${input.by}`,
        retryable: false,
      });
      return true;
    default:
      return input satisfies never;
  }
}

/** Something will happen: a worker has a step, the queue or backlog holds one, or a timer brings one. */
function isActive(draft: Draft): boolean {
  for (const { state } of draft.steps.values()) {
    if (state === "ready" || state === "dispatched" || state === "running") return true;
  }
  return false;
}
