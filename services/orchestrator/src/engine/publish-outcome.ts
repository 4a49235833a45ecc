import { emitAll, emitRaw, type RawEvent } from "@agentmesh/bus";
import type { Transaction } from "@agentmesh/postgres";
import { ApprovalState, RunState as WireState } from "@agentmesh/proto/orchestrator";
import {
  approvalDecidedEvent,
  approvalRequestedEvent,
  workflowAtRiskEvent,
  workflowEndedEvent,
  workflowNeedsAttentionEvent,
} from "@agentmesh/proto/orchestrator.contract";
import type { Context } from "../context.ts";
import type { Advance } from "../domain/outcome.ts";
import type { RunPhase, StepState } from "../domain/run-state.ts";
import { stepKey } from "../domain/run-state.ts";
import type { RunHead } from "../store/run-rows.ts";
import type { Advanced } from "../store/write-advances.ts";
import { together } from "./together.ts";

const wireStates: Readonly<Record<RunPhase, WireState>> = {
  running: WireState.RUNNING,
  compensating: WireState.COMPENSATING,
  succeeded: WireState.SUCCEEDED,
  failed: WireState.FAILED,
  cancelled: WireState.CANCELLED,
};

export function toWireState(phase: RunPhase): WireState {
  return wireStates[phase];
}

const approvalStates = {
  pending: ApprovalState.PENDING,
  approved: ApprovalState.APPROVED,
  rejected: ApprovalState.REJECTED,
  expired: ApprovalState.EXPIRED,
  cancelled: ApprovalState.CANCELLED,
} as const;

export function toWireApprovalState(state: keyof typeof approvalStates): ApprovalState {
  return approvalStates[state];
}

/** Events into the outbox; hints, addresses and counts after the commit. */
export async function publishOutcome(context: Context, tx: Transaction, all: readonly Advanced[]): Promise<void> {
  await emitRaw(tx, all.flatMap(emittedBy));
  const ended = all.filter((one) => one.advance.ended);
  if (ended.length > 0) await emitAll(tx, workflowEndedEvent, together(ended.map(endedEvent)));
  await tellPeople(tx, all);
  tx.afterCommit(() => {
    context.dispatcher.send(all.flatMap(addressesOf));
    context.hints.tell(all.flatMap(({ advance }) => (advance.events.length > 0 ? [advance.run.id] : [])));
    for (const { head, advance: step } of all) {
      if (step.changed.some((changed) => changed.queued)) context.dispatcher.noteBacklog();
      if (step.notes.includes("stuck")) context.log.error({ runId: step.run.id, ...found(step) }, "a run is stuck");
      noteChild(context, head, step);
      context.metrics.advanced(step);
    }
  });
}

/** What routers go by: how workflows and teams did. */
function noteChild(context: Context, { tenant, workflow }: RunHead, { before, run, ended }: Advance): void {
  if (!run.parent) return;
  const work = { kind: "workflow", name: workflow } as const;
  if (before.seq === 0) context.past.took(tenant, work);
  if (ended) context.past.gave(tenant, work, run.phase === "succeeded", undefined);
}

/** What somebody may have to act on. */
async function tellPeople(tx: Transaction, all: readonly Advanced[]): Promise<void> {
  const late = all.filter(({ advance }) => advance.atRisk);
  if (late.length > 0) await emitAll(tx, workflowAtRiskEvent, late.map(atRiskEvent));
  const attention = all.flatMap(attentionEvents);
  if (attention.length > 0) await emitAll(tx, workflowNeedsAttentionEvent, attention);
  const requested = all.flatMap(requestedEvents);
  if (requested.length > 0) await emitAll(tx, approvalRequestedEvent, requested);
  const decided = all.flatMap(decidedEvents);
  if (decided.length > 0) await emitAll(tx, approvalDecidedEvent, decided);
}

function addressesOf({ head, advance: step }: Advanced) {
  return step.dispatches.map((dispatch) => ({ ...dispatch, tenant: head.tenant, runId: step.run.id }));
}

function emittedBy({ head, advance: step }: Advanced): RawEvent[] {
  return step.emits.map(({ id, type, key, json }) => ({
    id,
    tenant: head.tenant,
    publisher: "orchestrator",
    type,
    key,
    contentType: "application/json",
    body: Buffer.from(json),
    traceparent: head.traceparent,
  }));
}

function endedEvent({ head, advance: { run } }: Advanced) {
  // With its sequence, for a run that is retried ends again.
  return { tenant: head.tenant, id: `${run.id}:ended:${run.seq}`, data: endedData(head, run) };
}

function endedData(head: RunHead, run: Advance["run"]) {
  return {
    runId: run.id,
    workflow: head.workflow,
    workflowVersion: head.version,
    state: toWireState(run.phase),
    durationMs: Math.max(0, (run.endedAtMs ?? 0) - head.createdAt.getTime()),
    costNanoUsd: run.costNanoUsd,
    failure: run.failure,
    more: [],
  };
}

function atRiskEvent({ head, advance: { run } }: Advanced) {
  const slaAt = run.slaAtMs === undefined ? undefined : new Date(run.slaAtMs);
  const data = { runId: run.id, workflow: head.workflow, workflowVersion: head.version, slaAt };
  return { tenant: head.tenant, id: `${run.id}:at_risk`, data };
}

/** Steps that came to wait for a person, and a run that does not move. The ids are the same while nothing moves. */
function attentionEvents({ head, advance: { run, before, changed, notes } }: Advanced) {
  const of = { runId: run.id, workflow: head.workflow, workflowVersion: head.version };
  const doubted = changed.filter(
    (step) => step.state === "in_doubt" && before.steps.get(stepKey(step.node, step.shard))?.state !== "in_doubt",
  );
  const events = doubted.map((step) => ({
    tenant: head.tenant,
    id: `${run.id}:${step.node}:${step.shard}:in_doubt:${step.epoch}:${step.attempt}`,
    data: { ...of, node: step.node, shard: step.shard, reason: reasonOf(step), message: step.failure?.message ?? "" },
  }));
  if (!notes.includes("stuck")) return events;
  const message = `nothing is active and nothing is waited for: ${JSON.stringify(found({ run }))}`;
  const stuck = { ...of, node: "", shard: 0, reason: "STUCK", message };
  return [...events, { tenant: head.tenant, id: `${run.id}:stuck:${run.seq}`, data: stuck }];
}

function reasonOf(step: StepState): string {
  return step.node.endsWith("~undo") ? "UNDO_EXHAUSTED" : "IN_DOUBT";
}

const MAX_FOUND = 20;

/** The states a stuck run was found in. */
function found({ run }: Pick<Advance, "run">): { phase: string; seq: number; steps: Record<string, string> } {
  const steps = [...run.steps].slice(0, MAX_FOUND).map(([key, step]) => [key, step.state] as const);
  return { phase: run.phase, seq: run.seq, steps: Object.fromEntries(steps) };
}

function requestedEvents({ head, advance: { run, approvals } }: Advanced) {
  return approvals
    .filter((approval) => approval.state === "pending")
    .map(({ node, shard, title, argsHash, approvers, expiresAtMs, escalated }) => ({
      tenant: head.tenant,
      id: `${run.id}:${node}:${shard}:requested:${argsHash.slice(0, 16)}:${escalated}:${run.seq}`,
      data: {
        runId: run.id,
        workflow: head.workflow,
        node,
        shard,
        title,
        argsHash,
        subjects: [...approvers.subjects],
        roles: [...approvers.roles],
        expiresAt: expiresAtMs === undefined ? undefined : new Date(expiresAtMs),
      },
    }));
}

function decidedEvents({ head, advance: { run, approvals } }: Advanced) {
  return approvals
    .filter((approval) => approval.state !== "pending")
    .map(({ node, shard, state, by, comment }) => ({
      tenant: head.tenant,
      id: `${run.id}:${node}:${shard}:decided:${run.seq}`,
      data: { runId: run.id, workflow: head.workflow, node, shard, state: toWireApprovalState(state), by, comment },
    }));
}
