import { change, type Draft, say } from "./draft.ts";
import type { Refusal } from "./outcome.ts";
import { releaseStep } from "./release-step.ts";
import { restarted, type StepState, stepKey } from "./run-state.ts";
import { failStep, succeedStep } from "./settle.ts";
import { isShard, isUndo } from "./step-work.ts";
import { workInput } from "./work-input.ts";

/** What a person found out about a step in doubt: try again, it happened (with this output), or it did not. */
export type Resolution = {
  readonly kind: "resolve";
  readonly node: string;
  readonly shard: number;
  readonly action: "retry" | "succeed" | "fail";
  readonly output?: unknown;
  readonly by: string;
};

/** Takes a person's word for a step in doubt, or says why not. An undo that failed is passed over. */
export function resolveStep(draft: Draft, resolution: Resolution): Refusal | undefined {
  const { node, shard, action, by, output = null } = resolution;
  const step = draft.steps.get(stepKey(node, shard));
  const planned = draft.plan.byId.get(node);
  if (!step || !planned || step.state !== "in_doubt" || !isActing(draft, step)) {
    const message = `the step ${node} of the run ${draft.run.id} is ${step?.state ?? "pending"}; only one in doubt can be resolved`;
    return { code: "FAILED_PRECONDITION", reason: "NOT_IN_DOUBT", message };
  }
  say(draft, "step.resolved", node, { shard, action, by });
  if (action === "succeed") succeedStep(draft, step, output, { by });
  else if (action === "fail") fail(draft, step, by);
  else {
    // What nobody knows stays unknown, whatever the next try says.
    const next = restarted({ ...step, detail: { ...step.detail, ...(planned.undo && { uncertain: true }) } });
    const { target } = step.detail;
    const ready = change(draft, step, {
      ...next,
      state: "ready",
      readyAtMs: draft.environment.nowMs,
      detail: { ...next.detail, ...(target !== undefined && { target }) },
    });
    releaseStep(draft, planned, ready, () => workInput(draft, planned, step));
  }
  return undefined;
}

function isActing({ run }: Draft, step: StepState): boolean {
  return run.phase === "running" || (run.phase === "compensating" && isUndo(step.node));
}

function fail(draft: Draft, step: StepState, by: string): void {
  const message = `${by} says that it did not happen`;
  const failure = { code: "RESOLVED_FAILED", message, retryable: false };
  if (!isUndo(step.node)) {
    failStep(draft, step, failure);
    return;
  }
  change(draft, step, { state: "failed", failure, endedAtMs: draft.environment.nowMs });
  if (!isShard(step)) say(draft, "step.failed", step.node, { code: failure.code, message, attempt: step.attempt });
}
