import { newId } from "@agentmesh/ids";
import { RunAgentRequest } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import type { AgentDefinition } from "../domain/agent.ts";
import type { Caller, RunRequest } from "../run/run-request.ts";
import { recollect } from "../sessions/recollect.ts";
import { insertLiveRun, type LiveRow } from "../store/live-runs.ts";
import { takeTicket } from "../store/sessions.ts";
import { createDurable, type DurableRun } from "./durable-run.ts";

/** Gives a run its row, in this replica's name, and its place in the queue of its session. */
export async function beginDurable(
  context: Context,
  definition: AgentDefinition,
  wire: RunAgentRequest,
  request: RunRequest,
): Promise<{ durable: DurableRun; row: LiveRow }> {
  const { caller, requestId } = request;
  const startedAt = new Date();
  const row: LiveRow = {
    tenant: caller.tenant,
    id: newId(),
    agent: definition.name,
    subject: caller.subject,
    department: caller.department,
    project: caller.project,
    epoch: 1,
    had_effect: false,
    cancelled: false,
    session: wire.session || null,
    session_subject: wire.session ? sessionSubject(definition, caller) : null,
    ticket: null,
    request: Buffer.from(RunAgentRequest.encode(wire).finish()),
    request_id: requestId,
    started_at: startedAt,
    deadline_at: new Date(startedAt.getTime() + context.config.runs.maxMs),
  };
  const { durable, db } = context;
  if (row.session === null) {
    await insertLiveRun(db, durable.replicaId, row);
    return { durable: createDurable(context, row, 0), row };
  }
  const key = { tenant: row.tenant, agent: row.agent, subject: row.session_subject ?? "", session: row.session };
  await db.transaction(async (tx) => {
    row.ticket = await takeTicket(tx, key);
    await insertLiveRun(tx, durable.replicaId, row);
  });
  return { durable: createDurable(context, row, 0), row };
}

function sessionSubject({ spec }: AgentDefinition, caller: Caller): string {
  return spec.memory.shared ? "" : caller.subject;
}

/** The request as it runs under its row. */
export function durably(
  context: Context,
  definition: AgentDefinition,
  request: RunRequest,
  durable: DurableRun,
): RunRequest {
  return {
    ...request,
    attempt: durable.epoch,
    signal: durable.signalWith(request.signal),
    emit: durable.emit,
    durable,
    noteEffect: durable.noteEffect,
    effects: { key: durable.id, attempt: 1, assertMayAct: durable.assertMayAct },
    conversation: recollect(context, definition, request.caller, durable.turn, request.afterRun),
  };
}
