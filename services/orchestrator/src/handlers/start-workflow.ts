import { AppError } from "@agentmesh/errors";
import type { StartWorkflowRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { Engine } from "../engine/engine.ts";
import type { StartOutcome } from "../engine/start-runs.ts";
import { readRunOf } from "./get-run.ts";
import { toWireRun } from "./wire.ts";
import { workflowName } from "./workflow-name.ts";

const MAX_KEY_CHARS = 256;
const MAX_PRIORITY = 9;
/** Keys of runs that events and steps started; nobody else may take one. */
const RESERVED_PREFIXES = ["event:", "child:"];

export async function startWorkflow(context: Context, engine: Engine, request: StartWorkflowRequest, call: Call) {
  const { tenant, subject, actors } = requirePrincipal(call);
  workflowName(request.workflow);
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
  if (outcome.kind === "started") context.metrics.started("api", 1);
  const started = await outcomeOf(context, outcome);
  return typeof started === "string" ? readRunOf(context, tenant, started) : started;
}

/** The new run, or the id of the one that has its dedupe key. @throws AppError when it was refused */
export async function outcomeOf(context: Context, outcome: StartOutcome) {
  switch (outcome.kind) {
    case "refused":
      throw outcome.error;
    case "known":
      return outcome.runId;
    case "started": {
      const { plan } = await context.definitions.get(context.db, outcome.run.head);
      return toWireRun(outcome.run, { plan });
    }
    default:
      return outcome satisfies never;
  }
}

function check({ dedupeKey, priority }: StartWorkflowRequest): void {
  checkDedupeKey(dedupeKey);
  if (priority !== undefined && priority > MAX_PRIORITY) {
    throw new AppError("INVALID_ARGUMENT", `priority is ${priority}, expected 0 (lowest) to ${MAX_PRIORITY}`, {
      reason: "BAD_PRIORITY",
      field: "priority",
    });
  }
}

/** @throws AppError INVALID_ARGUMENT */
export function checkDedupeKey(dedupeKey: string): void {
  const isReserved = RESERVED_PREFIXES.some((prefix) => dedupeKey.startsWith(prefix));
  if (dedupeKey.length <= MAX_KEY_CHARS && !isReserved && !dedupeKey.includes("\0")) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `dedupe_key must have at most ${MAX_KEY_CHARS} characters and not start with ${RESERVED_PREFIXES.join(" or ")}`,
    { reason: "BAD_DEDUPE_KEY", field: "dedupe_key" },
  );
}
