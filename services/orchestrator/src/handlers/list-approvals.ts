import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import { ApprovalState, type ListApprovalsRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { listApprovals as listStored } from "../store/approvals.ts";
import { readPage } from "./wire.ts";
import { toWireApproval } from "./wire-approval.ts";
import { openRoom } from "./wire-values.ts";

export async function listApprovals(context: Context, request: ListApprovalsRequest, call: Call) {
  const page = readPage(request);
  const { runId } = request;
  if (runId !== "" && !isId(runId)) return { approvals: [], nextPageToken: "" };
  const { tenant } = requirePrincipal(call);
  const rows = await listStored(context.db, { tenant, state: stateName(request.state), ...page }, runId);
  const room = openRoom();
  const last = rows.at(-1);
  return {
    approvals: rows.map((row) => toWireApproval(row, room, row.input_cut)),
    nextPageToken: rows.length === page.limit && last ? last.id : "",
  };
}

function stateName(state: ApprovalState): string {
  switch (state) {
    case ApprovalState.UNSPECIFIED:
      return "";
    case ApprovalState.PENDING:
      return "pending";
    case ApprovalState.APPROVED:
      return "approved";
    case ApprovalState.REJECTED:
      return "rejected";
    case ApprovalState.EXPIRED:
      return "expired";
    case ApprovalState.CANCELLED:
      return "cancelled";
    case ApprovalState.UNRECOGNIZED:
      throw new AppError("INVALID_ARGUMENT", "state is unknown; leave it out for all approvals", { field: "state" });
    default:
      return state satisfies never;
  }
}
