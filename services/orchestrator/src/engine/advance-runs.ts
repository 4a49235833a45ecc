import { emitAll, emitRaw, type RawEvent } from "@agentmesh/bus";
import type { Transaction } from "@agentmesh/postgres";
import { RunState as WireState } from "@agentmesh/proto/orchestrator";
import { workflowEndedEvent } from "@agentmesh/proto/orchestrator.contract";
import type { Context } from "../context.ts";
import { type Advance, advance, type Input } from "../domain/advance.ts";
import type { Plan } from "../domain/plan.ts";
import type { RunPhase, RunState } from "../domain/run-state.ts";
import type { LockedRuns, RunHead, StoredRun } from "../store/runs.ts";
import { type Advanced, postponeRuns, StepMovedError, writeAdvances } from "../store/write-advances.ts";

const wireStates: Readonly<Record<RunPhase, WireState>> = {
  running: WireState.RUNNING,
  succeeded: WireState.SUCCEEDED,
  failed: WireState.FAILED,
  cancelled: WireState.CANCELLED,
};

export function toWireState(phase: RunPhase): WireState {
  return wireStates[phase];
}

const MAX_TRIES = 6;

/** A transaction that is done again when a step was claimed or released while its run was advanced. */
export async function advancing<T>(context: Context, run: (tx: Transaction) => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await context.db.transaction(run);
    } catch (error) {
      if (!(error instanceof StepMovedError) || tries === MAX_TRIES) throw error;
    }
  }
}

/**
 * Advances runs whose rows this transaction holds, and writes all that follows: steps, events of the run, events of the
 * mesh. Addresses leave for the queue, and watchers are woken, after the commit.
 */
export async function advanceLocked(
  context: Context,
  tx: Transaction,
  locked: LockedRuns,
  inputsOf: (run: StoredRun) => readonly Input[],
): Promise<ReadonlyMap<string, Advanced>> {
  const all: Advanced[] = [];
  const failed: string[] = [];
  for (const stored of locked.runs) {
    try {
      const { plan } = await context.definitions.get(tx, stored.head);
      all.push({ head: stored.head, advance: advanceOne(context, plan, stored.state, inputsOf(stored), locked.nowMs) });
    } catch (error) {
      // One run that cannot be advanced must not hold up those it shares a transaction with.
      context.log.error({ runId: stored.state.id, error }, "a run cannot be advanced; it is tried again in a minute");
      failed.push(stored.state.id);
    }
  }
  await postponeRuns(tx, failed);
  await writeAdvances(tx, all);
  await publishOutcome(context, tx, all);
  return new Map(all.map((one) => [one.advance.run.id, one]));
}

/** Calls the reducer with what this process knows: its limits, jitter, and the credit of the queue. */
export function advanceOne(
  context: Context,
  plan: Plan,
  run: RunState,
  inputs: readonly Input[],
  nowMs: number,
): Advance {
  const { redispatchAfterMs, leaseMs, maxTakeovers } = context.config.engine;
  const limits = { redispatchAfterMs, leaseMs, maxTakeovers };
  const credit = context.dispatcher.credit();
  const step = advance(plan, run, inputs, { nowMs, random: Math.random, credit, limits });
  context.dispatcher.take(step.dispatches.filter((dispatch) => !dispatch.again).length);
  return step;
}

/** Events into the outbox; hints, addresses and counts after the commit. */
export async function publishOutcome(context: Context, tx: Transaction, all: readonly Advanced[]): Promise<void> {
  await emitRaw(tx, all.flatMap(emittedBy));
  const ended = all.filter((one) => one.advance.ended);
  if (ended.length > 0) await emitAll(tx, workflowEndedEvent, ended.map(endedEvent));
  tx.afterCommit(() => {
    context.dispatcher.send(all.flatMap(addressesOf));
    for (const { head, advance: step } of all) {
      if (step.events.length > 0) context.bus.nc.publish(hintSubject(head.tenant, step.run.id));
      if (step.changed.some((changed) => changed.queued)) context.dispatcher.noteBacklog();
      if (step.notes.includes("stuck")) context.log.error({ runId: step.run.id }, "a run has nothing active");
      context.metrics.advanced(step);
    }
  });
}

export function hintSubject(tenant: string, runId: string): string {
  return `hint.run.${tenant.replace(/[^A-Za-z0-9_-]/g, "_")}.${runId}`;
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
  return { tenant: head.tenant, id: `${run.id}:ended`, data: endedData(head, run) };
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
  };
}
