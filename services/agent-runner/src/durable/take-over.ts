import { emitAll } from "@agentmesh/bus";
import { AppError, toAppError } from "@agentmesh/errors";
import { AgentRun, AgentRun_State, RunAgentRequest } from "@agentmesh/proto/runner";
import { usageRecordedEvent } from "@agentmesh/proto/runner.contract";
import type { Context } from "../context.ts";
import { estimateTokens, NO_TOKENS, type TokenUsage } from "../domain/model.ts";
import { requestOf } from "../handlers/read-request.ts";
import { executeRun, toFailure } from "../run/execute-run.ts";
import type { Caller, ModelCall, RunRequest } from "../run/run-request.ts";
import { usageOf } from "../run/store-runs.ts";
import type { LiveRow } from "../store/live-runs.ts";
import { deleteIntents } from "../store/model-call-intents.ts";
import { readLastSeq, readTextOf } from "../store/run-events.ts";
import type { SubjectTokens } from "../work/subject-tokens.ts";
import { durably } from "./begin.ts";
import { createDurable, type DurableRun } from "./durable-run.ts";
import { cancelled } from "./runs.ts";

/**
 * Goes on with a run whose replica is gone: its calls are accounted for, then it begins anew from its input, or ends as
 * failed where that is not safe.
 */
export async function takeOver(context: Context, subjects: SubjectTokens, row: LiveRow): Promise<void> {
  const { db } = context;
  const durable = createDurable(context, row, await readLastSeq(db, row.tenant, row.id));
  try {
    const wire = RunAgentRequest.decode(row.request);
    await recordLostUsage(context, row, wire);
    const refusal = refuse(context, row);
    context.measured.tookOver(refusal ? "ended" : "restarted");
    if (refusal) await endUnbegun(context, durable, row, wire, refusal);
    else await beginAnew(context, subjects, durable, row, wire);
  } finally {
    durable.forget();
  }
}

/** Why a run may not begin anew. */
function refuse(context: Context, row: LiveRow): AppError | undefined {
  if (row.cancelled) return cancelled();
  const { maxAttempts } = context.config.runs;
  const lost = { reason: "OWNER_LOST" };
  if (row.had_effect) {
    const message = "the replica that ran it is gone after a tool with an effect was called; look at what it did";
    return new AppError("FAILED_PRECONDITION", message, lost);
  }
  if (row.epoch > maxAttempts) {
    return new AppError("UNAVAILABLE", `${maxAttempts} replicas that ran it are gone; run it again`, lost);
  }
  if (row.deadline_at.getTime() > Date.now()) return undefined;
  return new AppError("DEADLINE_EXCEEDED", "the replica that ran it is gone and so is its time", lost);
}

async function beginAnew(
  context: Context,
  subjects: SubjectTokens,
  durable: DurableRun,
  row: LiveRow,
  wire: RunAgentRequest,
): Promise<void> {
  durable.emit({ $case: "restarted", value: { attempt: row.epoch, reason: "OWNER_LOST" } });
  try {
    const known = await subjects.callerFor(row.tenant, row.subject, row.agent);
    const caller: Caller = { ...known, department: row.department, project: row.project };
    const signal = new AbortController().signal;
    const request = requestOf(wire, caller, { requestId: row.request_id, signal });
    const definition = context.directory.agent(row.tenant, row.agent);
    await executeRun(context, durably(context, definition, request, durable));
  } catch (error) {
    // A run that began has stored its end itself, or is another's; what never began ends here.
    if (durable.hasBegun) throw error;
    await endUnbegun(context, durable, row, wire, toAppError(error));
  }
}

/** The end of a run that never called a model under this epoch. */
export async function endUnbegun(
  context: Context,
  durable: DurableRun,
  row: LiveRow,
  wire: RunAgentRequest,
  failure: AppError,
): Promise<void> {
  const { tenant, id, agent, subject, started_at: startedAt, epoch } = row;
  const caller: Caller = {
    tenant,
    subject,
    department: row.department,
    project: row.project,
    actors: [],
    permissions: new Set(),
    token: "",
  };
  const run = AgentRun.fromPartial({
    id,
    tenant,
    agent,
    state: failure.code === "CANCELLED" ? AgentRun_State.CANCELLED : AgentRun_State.FAILED,
    cache: "none",
    failure: toFailure(failure),
    startedAt,
    endedAt: new Date(),
    subject,
    labels: wire.labels,
    session: wire.session,
    attempt: epoch,
  });
  const tail = await durable.close(run);
  const signal = new AbortController().signal;
  const request: RunRequest = { ...requestOf(wire, caller, { requestId: row.request_id, signal }), durable };
  await context.storeRun({ run, request, input: "", calls: [], costsNanoUsd: [], traceparent: undefined, tail });
  durable.ended(tail);
}

/** Calls that were made under earlier epochs: at what is known of them, else at an estimate. */
async function recordLostUsage({ db }: Context, row: LiveRow, wire: RunAgentRequest): Promise<void> {
  const { tenant, id, agent, subject, department, project } = row;
  await db.transaction(async (tx) => {
    const intents = await deleteIntents(tx, tenant, id, row.epoch - 1);
    if (intents.length === 0) return;
    const said = estimateTokens(await readTextOf(tx, tenant, id, row.epoch - 1));
    const charged = { caller: { subject, department, project } };
    // What was streamed is the run's own: the runs below it stream to nobody.
    const streamed = intents.findLastIndex((intent) => intent.agent === "" || intent.agent === agent);
    const events = intents.map((intent, at): { call: ModelCall; agent: string; key: string } => {
      const guess: TokenUsage = {
        ...NO_TOKENS,
        uncachedInputTokens: intent.input_tokens,
        outputTokens: at === streamed ? said : 0,
      };
      const { provider, model, attempt_id: attemptId } = intent;
      const spent = { usage: intent.usage ?? guess, failed: intent.usage === null, responseMs: 0, at: intent.at };
      const call = { attemptId, provider, model, ...spent, cacheHit: false, savedNanoUsd: 0n };
      return { call, agent: intent.agent || agent, key: `usage:${tenant}:${attemptId}` };
    });
    await emitAll(
      tx,
      usageRecordedEvent,
      events.map(({ call, agent: caller, key }) => {
        const run = AgentRun.fromPartial({ id, tenant, agent: caller, labels: wire.labels });
        return { tenant, data: usageOf(run, charged, call, 0n), id: key };
      }),
    );
  });
}
