import { isId } from "@agentmesh/ids";
import type { GetRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { readInputs, readRun } from "../store/runs.ts";
import { runNotFound, toWireRun } from "./wire.ts";

export async function getRun(context: Context, request: GetRunRequest, call: Call) {
  return readRunOf(context, requirePrincipal(call).tenant, request.id);
}

/** @throws AppError NOT_FOUND */
export async function readRunOf(context: Context, tenant: string, id: string) {
  const run = isId(id) ? await readRun(context.db, tenant, id) : undefined;
  if (!run) throw runNotFound(id);
  const { plan } = await context.definitions.get(context.db, run.head);
  return toWireRun(run, plan, await readInputs(context.db, id));
}
