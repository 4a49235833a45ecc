import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import { type ListRunsRequest, RunState } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { listRuns as listStored } from "../store/read-runs.ts";
import { readPage, toWireRun } from "./wire.ts";
import { openRoom } from "./wire-values.ts";
import { workflowName } from "./workflow-name.ts";

export async function listRuns(context: Context, request: ListRunsRequest, call: Call) {
  const page = readPage(request);
  const { workflow, parentRunId } = request;
  if (workflow !== "") workflowName(workflow);
  if (parentRunId !== "" && !isId(parentRunId)) return { runs: [], nextPageToken: "" };
  const rows = await listStored(context.db, {
    tenant: requirePrincipal(call).tenant,
    workflow,
    state: stateName(request.state),
    parent: parentRunId,
    ...page,
  });
  const last = rows.at(-1);
  const room = openRoom();
  return {
    runs: rows.map((row) => toWireRun(row, { room, inputCut: row.inputCut, outputCut: row.outputCut })),
    nextPageToken: rows.length === page.limit && last ? last.state.id : "",
  };
}

function stateName(state: RunState): string {
  switch (state) {
    case RunState.UNSPECIFIED:
      return "";
    case RunState.RUNNING:
      return "running";
    case RunState.COMPENSATING:
      return "compensating";
    case RunState.SUCCEEDED:
      return "succeeded";
    case RunState.FAILED:
      return "failed";
    case RunState.CANCELLED:
      return "cancelled";
    case RunState.UNRECOGNIZED:
      throw new AppError("INVALID_ARGUMENT", "state is unknown; leave it out for all runs", { field: "state" });
    default:
      return state satisfies never;
  }
}
