import type { HeartbeatStepsRequest } from "@agentmesh/proto/orchestrator";
import type { Context } from "../context.ts";
import { renewLeases, stepKeyText } from "../store/claims.ts";
import { checkBatch, readRef } from "./step-refs.ts";

/** What is no longer the worker's comes back as `stop`: lost leases, timeouts, and steps of runs that ended. */
export async function heartbeatSteps(context: Context, request: HeartbeatStepsRequest) {
  const { worker, steps } = request;
  checkBatch(worker, steps.length);
  const keys = steps.flatMap((step) => readRef(step) ?? []);
  const held =
    keys.length > 0 ? await renewLeases(context.db, worker, keys, context.config.engine.leaseMs) : new Set<string>();
  return { stop: steps.filter((step) => !held.has(stepKeyText(step))) };
}
