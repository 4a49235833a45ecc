import { ListRunsReply, RunState } from "@agentmesh/proto/orchestrator";
import type { Command } from "../command.ts";
import { runStateCell } from "../live.ts";
import { usd } from "../money.ts";
import { firstRows, limitOf, limitOption } from "../pages.ts";
import { runOf } from "../run-words.ts";
import { printTable } from "../table.ts";
import { took, when } from "../time.ts";

const STATES = {
  running: RunState.RUNNING,
  compensating: RunState.COMPENSATING,
  succeeded: RunState.SUCCEEDED,
  failed: RunState.FAILED,
  cancelled: RunState.CANCELLED,
} as const;

export const runs: Command = {
  usage: ["runs [--workflow NAME] [--state STATE]"],
  about: "A compensating run undoes what it did before it ends. Teams are workflows named team:NAME.",
  options: {
    workflow: { short: "w", value: "NAME", about: "Only runs of this workflow" },
    state: { short: "s", value: "STATE", about: "running, compensating, succeeded, failed or cancelled" },
    parent: { value: "RUN", about: "Only runs that steps of this run started" },
    limit: limitOption,
  },
  examples: ["runs --state failed", "runs --workflow triage --limit 5"],
  async run(shell, args) {
    const { out } = shell;
    const state = args.choice("state", ["running", "compensating", "succeeded", "failed", "cancelled"]);
    const limit = limitOf(args);
    const workflow = args.text("workflow") ?? "";
    const parentRunId = runOf([args.text("parent") ?? ""]);
    const { mesh } = await shell.session();
    const found = await firstRows(limit, async (page) => {
      const filter = { workflow, parentRunId, ...(state && { state: STATES[state] }) };
      const reply = await mesh.orchestrator.listRuns({ ...filter, ...page });
      return { rows: reply.runs, next: reply.nextPageToken };
    });
    const now = new Date();
    const rows = found.map((run) => [
      run.id,
      runStateCell(run),
      run.workflow,
      when(run.createdAt, now),
      took(run.createdAt, run.endedAt, now),
      usd(run.costNanoUsd),
      run.failure ? { text: `${run.failure.code}: ${run.failure.message}`, style: "red" as const } : run.origin,
    ]);
    out.answer(ListRunsReply.toJSON({ runs: found, nextPageToken: "" }), () =>
      printTable(out, ["RUN", "STATE", "WORKFLOW", "STARTED", ">TOOK", ">COST", "ORIGIN"], rows, "no runs"),
    );
    return 0;
  },
};
