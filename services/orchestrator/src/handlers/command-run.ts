import { type AuditRecord, recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Input } from "../domain/advance.ts";
import { advanceRuns, advancing } from "../engine/advance-runs.ts";
import { workflowOfRun } from "../store/read-runs.ts";
import type { Advanced } from "../store/write-advances.ts";
import { runNotFound } from "./wire.ts";

export type Command = {
  /** Of the run. */
  readonly id: string;
  readonly input: Input;
  /** What the audit calls it, for instance `workflow.paused`. */
  readonly action: string;
  readonly reason?: string;
  /** What of the run it is about, for the audit; default: the run. */
  readonly part?: string;
  /** Lower-case hex of SHA-256 of what was decided. */
  readonly requestHash?: string;
};

/**
 * Has a run take what a person asks for, under its lock: of two that come together one is first, and the other is
 * answered by what that one left. The audit entry commits with it; a refusal for lack of permission is recorded too.
 *
 * @returns whether it counted; false without a refusal when there was nothing to change
 * @throws AppError NOT_FOUND, and what the run refuses with
 */
export async function commandRun(context: Context, call: Call, command: Command): Promise<boolean> {
  const { tenant } = requirePrincipal(call);
  const { id, input } = command;
  // A run's tenant and workflow never change, so this needs no lock.
  const workflow = isId(id) ? await workflowOfRun(context.db, tenant, id) : undefined;
  if (workflow === undefined) throw runNotFound(id);
  call.requireResource(workflow);
  const outcome = await advancing(context, async (tx) => {
    const { runs } = await advanceRuns(context, tx, [id], () => [input]);
    const one = runs.get(id);
    if (!one) throw new AppError("INTERNAL", `run ${id} could not be advanced; the log of the orchestrator says why`);
    const counted = one.advance.answers[0] === true;
    if (counted) await recordAudit(tx, auditOf(call, command, one, "succeeded", command.reason ?? ""));
    return { counted, one, refusal: one.advance.refusals.get(0) };
  });
  const { refusal, one } = outcome;
  if (!refusal) return outcome.counted;
  if (refusal.code === "PERMISSION_DENIED") {
    await recordAudit(context.db, auditOf(call, command, one, "denied", refusal.reason));
  }
  throw new AppError(refusal.code, refusal.message, { reason: refusal.reason });
}

function auditOf(
  call: Call,
  command: Command,
  { head }: Advanced,
  outcome: AuditRecord["outcome"],
  reason: string,
): AuditRecord {
  const { tenant, subject, actors } = requirePrincipal(call);
  const run = `Workflow/${head.workflow}@${head.version}/runs/${command.id}`;
  return {
    tenant,
    service: "orchestrator",
    subject,
    actors,
    action: command.action,
    resource: command.part === undefined ? run : `${run}/${command.part}`,
    outcome,
    reason,
    requestId: call.requestId,
    ...(command.requestHash !== undefined && { requestHash: command.requestHash }),
  };
}
