import { isAppError } from "@agentmesh/errors";
import type { DecideApprovalRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { readApproval, type StoredApproval } from "../store/approvals.ts";
import { type Command, commandRun } from "./command-run.ts";
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
  // PostgreSQL keeps no NUL in texts.
  const comment = request.comment.slice(0, MAX_COMMENT_CHARS).replaceAll("\0", "\uFFFD");
  const command: Command = {
    id,
    input: { kind: "decide", node, shard, approve, by: subject, roles, comment, argsHash },
    action: approve ? "approval.approved" : "approval.rejected",
    reason: comment,
    part: `approvals/${node}#${shard}`,
    requestHash: argsHash,
  };
  const place = { run: id, node, shard };
  const refusal = await commandRun(context, call, command).then(
    () => undefined,
    (error: unknown) => error,
  );
  // The run was there, so the id is one.
  const isKnown = !refusal || (isAppError(refusal) && refusal.code === "FAILED_PRECONDITION");
  const approval = isKnown && !node.includes("\0") ? await readApproval(context.db, tenant, place) : undefined;
  if (refusal && !(approval && isRepeat(approval, request, subject))) throw refusal;
  if (!approval) throw stepNotFound(node, shard);
  return toWireApproval(approval, openRoom());
}

/** The same person said the same of the same before: whoever lost the answer may ask again. */
function isRepeat(approval: StoredApproval, { approve, argsHash }: DecideApprovalRequest, subject: string): boolean {
  const state = approve ? "approved" : "rejected";
  return approval.state === state && approval.decided_by === subject && approval.args_hash === argsHash;
}
