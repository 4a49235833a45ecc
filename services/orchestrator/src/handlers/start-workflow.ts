import { AppError } from "@agentmesh/errors";
import type { StartWorkflowRequest } from "@agentmesh/proto/orchestrator";
import { resourceName } from "@agentmesh/resources";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import { readRunOf } from "./get-run.ts";
import { toWireRun } from "./wire.ts";

const MAX_KEY_CHARS = 256;
const MAX_PRIORITY = 9;
/** Keys of runs that events started; nobody else may take one. */
const RESERVED_PREFIX = "event:";

export async function startWorkflow(context: Context, engine: Engine, request: StartWorkflowRequest, call: Call) {
  const { tenant, subject, actors } = requirePrincipal(call);
  resourceName(request.workflow, "workflow");
  check(request);
  const outcome = await engine.start({
    tenant,
    workflow: request.workflow,
    input: request.input ?? {},
    dedupeKey: request.dedupeKey,
    priority: request.priority,
    subject,
    actors,
    origin: `api:${call.requestId}`,
    requestId: call.requestId,
    traceparent: undefined,
  });
  switch (outcome.kind) {
    case "refused":
      throw outcome.error;
    case "known":
      return readRunOf(context, tenant, outcome.runId);
    case "started": {
      context.metrics.started("api", 1);
      const { plan } = await context.definitions.get(context.db, outcome.run.head);
      return toWireRun(outcome.run, plan);
    }
    default:
      return outcome satisfies never;
  }
}

function check({ dedupeKey, priority }: StartWorkflowRequest): void {
  if (dedupeKey.length > MAX_KEY_CHARS || dedupeKey.startsWith(RESERVED_PREFIX) || dedupeKey.includes("\0")) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `dedupe_key must have at most ${MAX_KEY_CHARS} characters and not start with ${RESERVED_PREFIX}`,
      { reason: "BAD_DEDUPE_KEY", field: "dedupe_key" },
    );
  }
  if (priority !== undefined && priority > MAX_PRIORITY) {
    throw new AppError("INVALID_ARGUMENT", `priority is ${priority}, expected 0 (lowest) to ${MAX_PRIORITY}`, {
      reason: "BAD_PRIORITY",
      field: "priority",
    });
  }
}
