import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { RerunRunRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { stepKey } from "../domain/run-state.ts";
import type { Engine } from "../engine/engine.ts";
import { readHeads, readRun } from "../store/read-runs.ts";
import type { StoredRun } from "../store/run-rows.ts";
import { readRunOf } from "./get-run.ts";
import { checkDedupeKey, outcomeOf } from "./start-workflow.ts";
import { runNotFound } from "./wire.ts";

/**
 * A new run like an earlier one: its input with changes, at its version or the current one. With `from` the steps that
 * do not stand behind that one are not done again: they keep what they came to.
 */
export async function rerunRun(context: Context, engine: Engine, request: RerunRunRequest, call: Call) {
  const { tenant, subject, actors } = requirePrincipal(call);
  const { id, from, currentVersion, dedupeKey } = request;
  checkDedupeKey(dedupeKey);
  const old = isId(id) ? await readRun(context.db, tenant, id) : undefined;
  if (!old) throw runNotFound(id);
  const { head, state } = old;
  call.requireResource(head.workflow);
  const outcome = await engine.start({
    tenant,
    workflow: head.workflow,
    input: { ...members(state.input), ...request.input },
    dedupeKey,
    priority: head.priority,
    subject,
    actors,
    origin: `rerun:${id}`,
    requestId: call.requestId,
    traceparent: undefined,
    ...(!currentVersion && { version: head.version }),
    ...(from !== "" && { rerun: { old: await withHeads(context, old), from } }),
  });
  const started = await outcomeOf(context, outcome);
  return typeof started === "string" ? readRunOf(context, tenant, started) : started;
}

async function withHeads(context: Context, old: StoredRun): Promise<StoredRun> {
  const { plan } = await context.definitions.get(context.db, old.head);
  const read = await readHeads(context.db, old.state.id, [...plan.byId.keys()]);
  if (read.some((one) => one.outputCut)) {
    throw new AppError("RESOURCE_EXHAUSTED", `the outputs of run ${old.state.id} are too large to be taken over`, {
      reason: "OUTPUTS_TOO_LARGE",
    });
  }
  const steps = new Map(read.map(({ step }) => [stepKey(step.node, step.shard), step]));
  return { head: old.head, state: { ...old.state, steps } };
}

function members(input: unknown): Record<string, unknown> {
  return input !== null && typeof input === "object" ? Object.fromEntries(Object.entries(input)) : {};
}
