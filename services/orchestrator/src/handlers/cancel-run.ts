import { recordAudit } from "@agentmesh/audit";
import { isId } from "@agentmesh/ids";
import type { CancelRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { advanceLocked, advancing } from "../engine/advance-runs.ts";
import { lockRuns } from "../store/runs.ts";
import { readRunOf } from "./get-run.ts";
import { runNotFound } from "./wire.ts";

const MAX_REASON_CHARS = 500;

/** The run's lock decides between a cancel and a result that come together; cancelling an ended run changes nothing. */
export async function cancelRun(context: Context, request: CancelRunRequest, call: Call) {
  const { tenant, subject, actors } = requirePrincipal(call);
  const { id } = request;
  if (!isId(id)) throw runNotFound(id);
  const reason = request.reason.slice(0, MAX_REASON_CHARS);
  await advancing(context, async (tx) => {
    const locked = await lockRuns(tx, [id]);
    if (locked.runs[0]?.head.tenant !== tenant) throw runNotFound(id);
    const advanced = await advanceLocked(context, tx, locked, () => [{ kind: "cancel", by: subject, reason }]);
    const one = advanced.get(id);
    if (!one?.advance.ended) return;
    await recordAudit(tx, {
      tenant,
      service: "orchestrator",
      subject,
      actors,
      action: "workflow.cancelled",
      resource: `Workflow/${one.head.workflow}@${one.head.version}/runs/${id}`,
      outcome: "succeeded",
      reason,
      requestId: call.requestId,
    });
  });
  return readRunOf(context, tenant, id);
}
