import { recordAudit } from "@agentmesh/audit";
import { emit, emitAll } from "@agentmesh/bus";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import type { Database, Transaction } from "@agentmesh/postgres";
import { type AgentRun, AgentRun_State, type AgentRunEvent, UsageRecorded } from "@agentmesh/proto/runner";
import { agentRunCompletedEvent, usageRecordedEvent } from "@agentmesh/proto/runner.contract";
import { runWithTraceparent } from "@agentmesh/telemetry";
import { deleteIntentsOf } from "../store/model-call-intents.ts";
import { insertRun } from "../store/runs.ts";
import { endLiveRun } from "./end-live-run.ts";
import type { Caller, ModelCall, RunRequest } from "./run-request.ts";

/** All there is to say of a run when it has ended. */
export type EndedRun = {
  readonly run: AgentRun;
  readonly request: RunRequest;
  readonly calls: readonly ModelCall[];
  /** What the agent read. */
  readonly input: string;
  /** Of a durable run: its events that are not stored yet. */
  readonly tail: readonly AgentRunEvent[] | undefined;
  /** In the order of `calls`, integer nano-USD. */
  readonly costsNanoUsd: readonly bigint[];
  readonly traceparent: string | undefined;
};

/**
 * Run, usage of each model call, completion and audit: all of it commits, or none. Of a run that is another replica's by
 * now only the usage is stored, and its result is an AppError CONFLICT (FENCED).
 */
export async function storeRuns(db: Database, ended: readonly EndedRun[]): Promise<(true | Error)[]> {
  return db.transaction(async (tx) => {
    const outcomes: (true | Error)[] = [];
    for (const each of ended) outcomes.push(await runWithTraceparent(each.traceparent, () => storeRun(tx, each)));
    return outcomes;
  });
}

async function storeRun(tx: Transaction, ended: EndedRun): Promise<true | Error> {
  const { run, request, calls, costsNanoUsd } = ended;
  const { tenant } = run;
  const isAnswer = run.state === AgentRun_State.SUCCEEDED;
  const refusal = request.durable && (await endLiveRun(tx, request.durable, ended.tail ?? []));
  await emitAll(
    tx,
    usageRecordedEvent,
    calls.map((call, index) => ({
      tenant,
      data: usageOf(run, request, call, costsNanoUsd[index] ?? 0n),
      id: `usage:${tenant}:${call.attemptId}`,
    })),
  );
  const attemptIds = calls.map(({ attemptId }) => attemptId);
  if (request.accounts && calls.length > 0) await deleteIntentsOf(tx, tenant, attemptIds);
  if (refusal) return refusal;
  if (isAnswer) await request.conversation?.store(tx, run, ended.input);
  await insertRun(tx, run, isAnswer ? request.stepKey : "");
  const { id: runId, agent, agentVersion, state, model, cache, usage, failure, subject, labels, quality } = run;
  const durationMs = Math.max(0, (run.endedAt?.getTime() ?? 0) - (run.startedAt?.getTime() ?? 0));
  await emit(tx, agentRunCompletedEvent, {
    tenant,
    data: { runId, agent, agentVersion, state, model, cache, durationMs, usage, failure, subject, labels, quality },
  });
  await recordAudit(tx, {
    tenant,
    service: "agent-runner",
    subject,
    actors: run.actors,
    action: "agent.run",
    resource: `Agent/${agent}@${agentVersion}`,
    outcome: isAnswer ? "succeeded" : "failed",
    requestId: request.requestId,
    requestHash: sha256Hex(request.media?.length ? canonicalJson([request.text, ...request.media]) : request.text),
    replyHash: sha256Hex(run.text),
    ...(failure && { reason: failure.code }),
  });
  return true;
}

/** Whom and what a call is charged to. */
type Charged = Pick<RunRequest, "lineage"> & { readonly caller: Pick<Caller, "subject" | "department" | "project"> };

export function usageOf(
  run: Pick<AgentRun, "id" | "agent">,
  { caller, lineage }: Charged,
  call: ModelCall,
  costNanoUsd: bigint,
): UsageRecorded {
  const { attemptId, provider, model, responseMs, cacheHit, savedNanoUsd, failed, at, usage } = call;
  return UsageRecorded.fromPartial({
    attemptId,
    runId: lineage?.rootRunId ?? run.id,
    agent: run.agent,
    provider,
    model,
    usage: {
      modelCalls: cacheHit ? 0 : 1,
      uncachedInputTokens: BigInt(usage.uncachedInputTokens),
      cacheReadTokens: BigInt(usage.cacheReadTokens),
      cacheWriteTokens: BigInt(usage.cacheWriteTokens),
      outputTokens: BigInt(usage.outputTokens),
      reasoningTokens: BigInt(usage.reasoningTokens),
      costNanoUsd,
    },
    subject: caller.subject,
    department: caller.department,
    project: caller.project,
    responseMs,
    cacheHit,
    savedNanoUsd,
    failed,
    at,
  });
}
