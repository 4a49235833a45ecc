import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import { StepState as WireStepState } from "@agentmesh/proto/orchestrator";
import type { Plan } from "../domain/plan.ts";
import { newStep, type RunState, type StepPhase, type StepState } from "../domain/run-state.ts";
import { toWireState } from "../engine/advance-runs.ts";
import type { StoredRun } from "../store/runs.ts";

const stepStates: Readonly<Record<StepPhase, WireStepState>> = {
  pending: WireStepState.PENDING,
  ready: WireStepState.READY,
  dispatched: WireStepState.DISPATCHED,
  running: WireStepState.RUNNING,
  succeeded: WireStepState.SUCCEEDED,
  failed: WireStepState.FAILED,
  skipped: WireStepState.SKIPPED,
  cancelled: WireStepState.CANCELLED,
};

/** A run as callers see it; with a plan also its steps, those that never left waiting included. */
export function toWireRun({ head, state }: StoredRun, plan?: Plan, inputs: ReadonlyMap<string, unknown> = new Map()) {
  const stepOf = (id: string) => toWireStep(state, state.steps.get(id) ?? newStep(id), inputs.get(id));
  return {
    id: state.id,
    tenant: head.tenant,
    workflow: head.workflow,
    workflowVersion: head.version,
    state: toWireState(state.phase),
    input: asObject(state.input),
    output: state.output,
    steps: plan ? plan.spec.steps.map((spec) => stepOf(spec.id)) : [],
    failure: state.failure,
    subject: head.subject,
    origin: head.origin,
    dedupeKey: head.dedupeKey,
    priority: head.priority,
    cancelRequested: state.cancelRequested,
    createdAt: head.createdAt,
    endedAt: date(state.endedAtMs),
    costNanoUsd: state.costNanoUsd,
  };
}

function toWireStep(run: RunState, step: StepState, input: unknown) {
  const neverRan = step.state === "pending" && run.phase !== "running";
  return {
    node: step.node,
    shard: step.shard,
    state: neverRan ? WireStepState.CANCELLED : stepStates[step.state],
    epoch: step.epoch,
    attempt: step.attempt,
    worker: step.worker,
    input,
    output: step.output,
    failure: step.failure,
    startedAt: date(step.startedAtMs),
    endedAt: date(step.endedAtMs),
    costNanoUsd: step.costNanoUsd,
  };
}

function date(ms: number | undefined): Date | undefined {
  return ms === undefined ? undefined : new Date(ms);
}

function asObject(value: unknown): Record<string, unknown> {
  return value !== null && typeof value === "object" ? Object.fromEntries(Object.entries(value)) : {};
}

const DEFAULT_PAGE = 50;
const MAX_PAGE = 500;
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/**
 * Where a page of newest-first rows starts, and how long it is.
 *
 * @throws AppError INVALID_ARGUMENT for a token that no page gave
 */
export function readPage(request: { pageSize: number; pageToken: string }): { before: string; limit: number } {
  const { pageSize, pageToken } = request;
  if (pageToken !== "" && !isId(pageToken)) {
    throw new AppError("INVALID_ARGUMENT", "page_token is not one that a page gave; leave it empty to start again", {
      reason: "BAD_PAGE_TOKEN",
      field: "page_token",
    });
  }
  return { before: pageToken || LAST_ID, limit: Math.min(pageSize || DEFAULT_PAGE, MAX_PAGE) };
}

/** @throws AppError NOT_FOUND, also for what is no id at all and for another tenant's run */
export function runNotFound(id: string): AppError {
  return new AppError(
    "NOT_FOUND",
    `there is no run ${JSON.stringify(id.slice(0, 60))}; list runs to see what there is`,
    {
      reason: "RUN_NOT_FOUND",
      field: "id",
    },
  );
}
