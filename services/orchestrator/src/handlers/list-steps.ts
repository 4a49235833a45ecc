import { isId } from "@agentmesh/ids";
import type { ListStepsRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { listSteps as listStored, readRun } from "../store/read-runs.ts";
import { badPageToken, pageLimit, runNotFound } from "./wire.ts";
import { toStepState, toWireStep } from "./wire-step.ts";
import { openRoom } from "./wire-values.ts";

/** Steps that have begun, the shards of maps among them. */
export async function listSteps(context: Context, request: ListStepsRequest, call: Call) {
  const { id, node, state, pageSize, pageToken } = request;
  const { tenant } = requirePrincipal(call);
  const run = isId(id) ? await readRun(context.db, tenant, id) : undefined;
  if (!run || node.includes("\0")) throw runNotFound(id);
  call.requireResource(run.head.workflow);
  const limit = pageLimit(pageSize);
  const rows = await listStored(context.db, {
    run: id,
    node,
    state: toStepState(state),
    after: readToken(pageToken),
    limit,
  });
  const { plan } = await context.definitions.get(context.db, run.head);
  const room = openRoom();
  const last = rows.at(-1)?.step;
  return {
    steps: rows.map((read) => toWireStep(plan, run.state, read.step, read, room)),
    nextPageToken: rows.length === limit && last ? `${last.node}#${last.shard}` : "",
  };
}

const TOKEN = /^([\w~-]{1,80})#(\d{1,9})$/;

function readToken(token: string): { node: string; shard: number } {
  if (token === "") return { node: "", shard: -1 };
  const [, node, shard] = TOKEN.exec(token) ?? [];
  if (node === undefined) throw badPageToken();
  return { node, shard: Number(shard) };
}
