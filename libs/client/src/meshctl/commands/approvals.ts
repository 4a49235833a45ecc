import { ApprovalState, ListApprovalsReply } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { deciders } from "../open-matters.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { runOf } from "../run-words.ts";
import { stateCell } from "../state.ts";
import { shortSubject } from "../subject.ts";
import { printTable } from "../table.ts";
import { when } from "../time.ts";

const STATES = {
  pending: ApprovalState.PENDING,
  approved: ApprovalState.APPROVED,
  rejected: ApprovalState.REJECTED,
  expired: ApprovalState.EXPIRED,
  cancelled: ApprovalState.CANCELLED,
  all: ApprovalState.UNSPECIFIED,
} as const;

export const approvals: Command = {
  usage: ["approvals [--state STATE] [--run RUN]"],
  about: "What waits for a decision, newest first. `approve` and `reject` show what it is about before they decide.",
  options: {
    state: { short: "s", value: "STATE", about: "pending (default), approved, rejected, expired, cancelled or all" },
    run: { short: "r", value: "RUN", about: "Only of this run" },
    limit: limitOption,
  },
  async run(shell, args) {
    const { out } = shell;
    const name = args.choice("state", ["pending", "approved", "rejected", "expired", "cancelled", "all"]) ?? "pending";
    const limit = limitOf(args);
    const runId = runOf([args.text("run") ?? ""]);
    const { mesh } = await shell.session();
    const found = await firstRows(limit, async (page) => {
      const reply = await mesh.orchestrator.listApprovals({ state: STATES[name], runId, ...page });
      return { rows: reply.approvals, next: reply.nextPageToken };
    });
    const now = new Date();
    const rows = found.map((one) => [
      `${one.runId}/${one.node}`,
      stateCell(one.state),
      one.workflow,
      when(one.requestedAt, now),
      one.decidedAt ? when(one.decidedAt, now) : `by ${when(one.expiresAt, now)}`,
      one.decidedBy ? shortSubject(one.decidedBy) : deciders(one).replace(/^by /, ""),
      one.comment || one.title,
    ]);
    out.answer(ListApprovalsReply.toJSON({ approvals: found, nextPageToken: "" }), () =>
      printTable(
        out,
        ["RUN/STEP", "STATE", "WORKFLOW", "ASKED", "DECIDED", "WHO", "TITLE OR COMMENT"],
        rows,
        name === "pending" ? "nothing waits for a decision" : "no approvals",
      ),
    );
    return 0;
  },
};
