import { isId } from "@agentmesh/ids";
import { type GetStepRequest, Part } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { readRun, readStep } from "../store/read-runs.ts";
import { tooLarge } from "./get-run.ts";
import { runNotFound, stepNotFound } from "./wire.ts";
import { toWireStep } from "./wire-step.ts";
import { openRoom } from "./wire-values.ts";

/** One step with both its values, or with the one that is asked for. */
export async function getStep(context: Context, request: GetStepRequest, call: Call) {
  const { id, node, shard, part } = request;
  const { tenant } = requirePrincipal(call);
  const run = isId(id) ? await readRun(context.db, tenant, id) : undefined;
  if (!run) throw runNotFound(id);
  call.requireResource(run.head.workflow);
  const read = node.includes("\0") ? undefined : await readStep(context.db, id, node, shard);
  if (!read) throw stepNotFound(node, shard);
  const { plan } = await context.definitions.get(context.db, run.head);
  const step = part === Part.INPUT ? { ...read.step, output: null } : read.step;
  const values = part === Part.OUTPUT ? {} : { input: read.input };
  const wire = toWireStep(plan, run.state, step, values, openRoom());
  if (part !== Part.UNSPECIFIED && (wire.inputCut || wire.outputCut)) throw tooLarge(`step ${node}`);
  return wire;
}
