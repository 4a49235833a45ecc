import { toWireApprovalState } from "../engine/publish-outcome.ts";
import type { StoredApproval } from "../store/approvals.ts";
import type { Room } from "./wire-values.ts";

/** An approval as callers see it. @param isCut its input was left out where it was read */
export function toWireApproval(approval: StoredApproval, room: Room, isCut = false) {
  const input = room.take(approval.input);
  return {
    id: approval.id,
    runId: approval.run,
    node: approval.node,
    shard: approval.shard,
    workflow: approval.workflow,
    state: toWireApprovalState(approval.state),
    title: approval.title,
    input: isCut ? undefined : input.value,
    inputCut: isCut || input.cut,
    argsHash: approval.args_hash,
    subjects: [...approval.subjects],
    roles: [...approval.roles],
    notByStarter: approval.not_by !== null,
    requestedAt: approval.requested_at,
    expiresAt: approval.expires_at ?? undefined,
    decidedBy: approval.decided_by ?? "",
    comment: approval.comment ?? "",
    decidedAt: approval.decided_at ?? undefined,
  };
}
