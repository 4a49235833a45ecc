import { AppError } from "@agentmesh/errors";
import { type ListRunsRequest, RunState } from "@agentmesh/proto/orchestrator";
import { resourceName } from "@agentmesh/resources";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { listRuns as listStored } from "../store/runs.ts";
import { readPage, toWireRun } from "./wire.ts";

export async function listRuns(context: Context, request: ListRunsRequest, call: Call) {
  const page = readPage(request);
  if (request.workflow !== "") resourceName(request.workflow, "workflow");
  const rows = await listStored(context.db, {
    tenant: requirePrincipal(call).tenant,
    workflow: request.workflow,
    state: stateName(request.state),
    ...page,
  });
  const last = rows.at(-1);
  return {
    runs: rows.map((row) => toWireRun(row)),
    nextPageToken: rows.length === page.limit && last ? last.state.id : "",
  };
}

function stateName(state: RunState): string {
  switch (state) {
    case RunState.UNSPECIFIED:
      return "";
    case RunState.RUNNING:
      return "running";
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
