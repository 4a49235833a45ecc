import type { DecideApprovalRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { readApproval } from "../store/approvals.ts";
import { commandRun } from "./command-run.ts";
import { stepNotFound } from "./wire.ts";
import { toWireApproval } from "./wire-approval.ts";
import { openRoom } from "./wire-values.ts";

const MAX_COMMENT_CHARS = 2000;

/**
 * The first decision counts, wherever it comes in: the run's lock orders them. It counts only for the arguments that
 * the decider saw, of an approval that is still open, by somebody who may.
 */
export async function decideApproval(context: Context, request: DecideApprovalRequest, call: Call) {
  const { tenant, subject, roles } = requirePrincipal(call);
  const { id, node, shard, approve, argsHash } = request;
  const comment = request.comment.slice(0, MAX_COMMENT_CHARS);
  await commandRun(context, call, {
    id,
    input: { kind: "decide", node, shard, approve, by: subject, roles, comment, argsHash },
    action: approve ? "approval.approved" : "approval.rejected",
    reason: comment,
    part: `approvals/${node}#${shard}`,
    requestHash: argsHash,
  });
  const approval = node.includes("\0") ? undefined : await readApproval(context.db, tenant, { run: id, node, shard });
  if (!approval) throw stepNotFound(node, shard);
  return toWireApproval(approval, openRoom());
}
