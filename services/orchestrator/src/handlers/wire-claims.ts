import { sha256Hex } from "@agentmesh/ids";
import { Claim } from "@agentmesh/proto/orchestrator";
import type { DeepPartial } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { stepKey } from "../domain/run-state.ts";
import { forwardOf, isUndo, timeoutOf, workOf as workOfStep } from "../domain/step-work.ts";
import { sendBack } from "../engine/send-back.ts";
import type { ClaimedStep } from "../store/claims.ts";

// Below the wire's 4 MiB; sizes are only looked at when the inputs' JSON could come near it.
const MAX_REPLY_BYTES = 3 * 1024 * 1024;
const SURELY_FITS_BYTES = 512 * 1024;

/** A reply that is too large would be lost with all its leases: what does not fit goes back into the queue at once. */
export async function returnWhatDoesNotFit(
  context: Context,
  worker: string,
  granted: readonly ClaimedStep[],
): Promise<ReadonlySet<ClaimedStep>> {
  const tooMuch = new Set<ClaimedStep>();
  if (granted.reduce((sum, claimed) => sum + claimed.input_bytes, 0) <= SURELY_FITS_BYTES) return tooMuch;
  let bytes = 0;
  for (const claimed of granted) {
    const work = await workOf(context, claimed);
    const size = Claim.encode(Claim.fromPartial({ granted: true, work })).finish().length + claimed.node.length + 64;
    if (bytes > 0 && bytes + size > MAX_REPLY_BYTES) tooMuch.add(claimed);
    else bytes += size;
  }
  if (tooMuch.size === 0) return tooMuch;
  await sendBack(context, worker, [...tooMuch]);
  return tooMuch;
}

/** Steps as they fit into messages, each of one at the least. */
export function messagesOf(steps: readonly ClaimedStep[]): ClaimedStep[][] {
  const messages: ClaimedStep[][] = [];
  let bytes = SURELY_FITS_BYTES;
  for (const step of steps) {
    bytes += step.input_bytes;
    if (bytes > SURELY_FITS_BYTES) {
      messages.push([]);
      bytes = step.input_bytes;
    }
    messages.at(-1)?.push(step);
  }
  return messages;
}

export async function claimOf(context: Context, step: ClaimedStep): Promise<DeepPartial<Claim>> {
  return { step: { ...step, runId: step.run }, granted: true, work: await workOf(context, step) };
}

/** What a worker needs to know of a step that is its. */
export async function workOf(context: Context, claimed: ClaimedStep): Promise<NonNullable<DeepPartial<Claim>["work"]>> {
  const { plan } = await context.definitions.get(context.db, claimed);
  const { tenant, subject, workflow, attempt, input, node } = claimed;
  const planned = plan.byId.get(node);
  const work = planned && workOfStep(planned, { shard: claimed.shard, detail: claimed.detail ?? {} });
  const timeoutMs = planned ? timeoutOf(planned) : 0;
  return {
    tenant,
    subject,
    workflow,
    attempt,
    work:
      work?.kind === "agent"
        ? { $case: "agent", value: { agent: work.name, input } }
        : { $case: "tool", value: { tool: work?.name ?? "", input } },
    idempotencyKey: idempotencyKeyOf(claimed),
    leaseMs: context.config.engine.leaseMs,
    timeoutMs: Number.isFinite(timeoutMs) ? timeoutMs : 0,
    labels: { workflow, run: claimed.run, step: stepKey(node, claimed.shard) },
    traceparent: claimed.traceparent ?? "",
  };
}

/** Without the epoch: a repeat of an attempt is the same effect, and the epoch is only the fence. */
function idempotencyKeyOf({ run, node, shard }: ClaimedStep): string {
  return sha256Hex(`${run}/${forwardOf(node)}/${shard}/${isUndo(node) ? "compensate" : "forward"}`);
}
