import { describeError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import { type ClaimedStep, returnSteps } from "../store/claims.ts";

/** Puts steps that a worker was to get and did not into the queue. What fails here is done by the end of their leases. */
export async function sendBack(
  context: Pick<Context, "db" | "dispatcher" | "log">,
  worker: string,
  steps: readonly ClaimedStep[],
): Promise<void> {
  if (steps.length === 0) return;
  const { db, dispatcher, log } = context;
  const tenants = new Map(steps.map((step) => [step.run, step.tenant]));
  try {
    const returned = await returnSteps(
      db,
      worker,
      steps.map((step) => ({ ...step, runId: step.run })),
    );
    dispatcher.take(returned.length);
    dispatcher.send(returned.map((key) => ({ ...key, tenant: tenants.get(key.runId) ?? "", again: false })));
  } catch (error) {
    log.warn({ worker, steps: steps.length, reason: describeError(error) }, "steps not put back; their leases end");
  }
}
