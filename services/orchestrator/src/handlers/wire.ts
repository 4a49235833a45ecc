import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { Plan } from "../domain/plan.ts";
import { newStep } from "../domain/run-state.ts";
import { toWireState } from "../engine/publish-outcome.ts";
import type { StoredRun } from "../store/run-rows.ts";
import { date, type StepValues, toWireStep } from "./wire-step.ts";
import { openRoom, type Room } from "./wire-values.ts";

export type WireOptions = {
  /** With it also the steps, those that never left waiting included. */
  readonly plan?: Plan;
  /** Values of steps by node. */
  readonly values?: ReadonlyMap<string, StepValues>;
  /** Room that is shared with other runs of the reply. */
  readonly room?: Room;
  readonly inputCut?: boolean;
  readonly outputCut?: boolean;
};

/** A run as callers see it. */
export function toWireRun({ head, state }: StoredRun, options: WireOptions = {}) {
  const { plan, values, room = openRoom(), inputCut = false, outputCut = false } = options;
  const output = room.take(state.output);
  const input = room.take(state.input);
  return {
    id: state.id,
    tenant: head.tenant,
    workflow: head.workflow,
    workflowVersion: head.version,
    state: toWireState(state.phase),
    input: inputCut ? undefined : asObject(input.value),
    inputCut: input.cut || inputCut,
    output: output.value,
    outputCut: output.cut || outputCut,
    steps: plan ? stepsOf(plan, { head, state }, values ?? new Map(), room) : [],
    failure: state.failure,
    subject: head.subject,
    origin: head.origin,
    dedupeKey: head.dedupeKey,
    priority: head.priority,
    cancelRequested: state.cancelRequested,
    createdAt: head.createdAt,
    endedAt: date(state.endedAtMs),
    costNanoUsd: state.costNanoUsd,
    paused: state.pausedAtMs !== undefined,
    deadline: date(state.deadlineMs),
    slaAt: date(state.slaAtMs),
    atRisk: state.atRisk,
    parentRunId: state.parent?.run ?? "",
    parentNode: state.parent?.node ?? "",
  };
}

/** The declared steps in their order, then what is undone. */
function stepsOf(plan: Plan, { state }: StoredRun, values: ReadonlyMap<string, StepValues>, room: Room) {
  const undone = [...state.steps.values()].filter((step) => step.shard === 0 && step.node.endsWith("~undo"));
  const nodes = [...plan.spec.steps.map((spec) => spec.id), ...undone.map((step) => step.node)];
  return nodes.map((node) =>
    toWireStep(plan, state, state.steps.get(node) ?? newStep(node), values.get(node) ?? {}, room),
  );
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  if (value === undefined) return undefined;
  return value !== null && typeof value === "object" ? Object.fromEntries(Object.entries(value)) : {};
}

const DEFAULT_PAGE = 50;
const MAX_PAGE = 500;
const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

export function pageLimit(pageSize: number): number {
  return Math.min(pageSize || DEFAULT_PAGE, MAX_PAGE);
}

/**
 * Where a page of newest-first rows starts, and how long it is.
 *
 * @throws AppError INVALID_ARGUMENT for a token that no page gave
 */
export function readPage(request: { pageSize: number; pageToken: string }): { before: string; limit: number } {
  const { pageSize, pageToken } = request;
  if (pageToken !== "" && !isId(pageToken)) throw badPageToken();
  return { before: pageToken || LAST_ID, limit: pageLimit(pageSize) };
}

export function badPageToken(): AppError {
  return new AppError("INVALID_ARGUMENT", "page_token is not one that a page gave; leave it empty to start again", {
    reason: "BAD_PAGE_TOKEN",
    field: "page_token",
  });
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

export function stepNotFound(node: string, shard: number): AppError {
  const name = JSON.stringify(shard === 0 ? node.slice(0, 80) : `${node.slice(0, 80)}#${shard}`);
  return new AppError("NOT_FOUND", `the run has no step ${name}, or it has not begun; list its steps`, {
    reason: "STEP_NOT_FOUND",
    field: "node",
  });
}
