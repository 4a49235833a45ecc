import type { Context } from "../context.ts";
import type { Plan } from "../domain/plan.ts";
import { workOf } from "../domain/step-work.ts";
import type { ClaimedStep } from "../store/claims.ts";
import type { RunHead } from "../store/run-rows.ts";
import type { Advanced } from "../store/write-advances.ts";

/** Of what an advance handed to a worker: what a claim would have read. */
export function handedSteps({ head, advance }: Advanced): ClaimedStep[] {
  return advance.handed.flatMap((key) => handedStep(head, advance, key) ?? []);
}

function handedStep(head: RunHead, advance: Advanced["advance"], key: string): ClaimedStep | undefined {
  const step = advance.run.steps.get(key);
  const input = advance.inputs.get(key);
  if (!step || input === undefined) return undefined;
  const { node, shard, epoch, attempt, worker, detail, dispatchedAtMs = 0, startedAtMs = 0 } = step;
  return {
    run: advance.run.id,
    node,
    shard,
    epoch,
    attempt,
    worker,
    input: JSON.parse(input),
    input_bytes: Buffer.byteLength(input),
    detail,
    dispatched_at: new Date(dispatchedAtMs),
    started_at: new Date(startedAtMs),
    tenant: head.tenant,
    subject: head.subject,
    workflow: head.workflow,
    version: head.version,
    traceparent: head.traceparent ?? null,
  };
}

/** As `claimed` does of what came through the queue. */
export function noteHanded(context: Context, { head, advance }: Advanced, plan: Plan): void {
  for (const key of advance.handed) {
    context.metrics.claimed(0);
    const step = advance.run.steps.get(key);
    const planned = step && plan.byId.get(step.node);
    const work = planned && workOf(planned, step);
    if (work?.kind === "agent") context.past.took(head.tenant, work);
  }
}
