import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import { type GetRunRequest, Part } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { stepKey } from "../domain/run-state.ts";
import { readArchived } from "../store/archive.ts";
import { readHeads, readRun } from "../store/read-runs.ts";
import { runNotFound, toWireRun } from "./wire.ts";

export async function getRun(context: Context, request: GetRunRequest, call: Call) {
  const { tenant } = requirePrincipal(call);
  if (request.part === Part.UNSPECIFIED) {
    const wire = await readRunOf(context, tenant, request.id);
    call.requireResource(wire.workflow);
    return wire;
  }
  const run = isId(request.id) ? await readRun(context.db, tenant, request.id) : undefined;
  if (!run) throw runNotFound(request.id);
  call.requireResource(run.head.workflow);
  const part = request.part === Part.INPUT ? { output: null } : { input: undefined };
  const wire = toWireRun({ head: run.head, state: { ...run.state, ...part } });
  if (wire.inputCut || wire.outputCut) throw tooLarge(`run ${run.state.id}`);
  return wire;
}

/** @throws AppError NOT_FOUND */
export async function readRunOf(context: Context, tenant: string, id: string) {
  const run = isId(id) ? await readRun(context.db, tenant, id) : undefined;
  if (!run) {
    const archived = isId(id) ? await readArchived(context.db, tenant, id) : undefined;
    if (archived) return toWireRun(archived);
    throw runNotFound(id);
  }
  const { plan } = await context.definitions.get(context.db, run.head);
  const read = await readHeads(context.db, id, [...plan.byId.keys()]);
  const steps = new Map(read.map(({ step }) => [stepKey(step.node, step.shard), step]));
  const values = new Map(read.map((one) => [one.step.node, one]));
  return toWireRun({ head: run.head, state: { ...run.state, steps } }, { plan, values });
}

/** Alone in a message and still too large: then it never came in as one value. */
export function tooLarge(what: string): AppError {
  return new AppError("RESOURCE_EXHAUSTED", `the value of ${what} has more than fits into a reply; read its parts`, {
    reason: "VALUE_TOO_LARGE",
  });
}
