import { recordAudit } from "@agentmesh/audit";
import { emit, emitAll } from "@agentmesh/bus";
import { sha256Hex } from "@agentmesh/ids";
import type { Database, Transaction } from "@agentmesh/postgres";
import { type AgentRun, AgentRun_State, UsageRecorded } from "@agentmesh/proto/runner";
import { agentRunCompletedEvent, usageRecordedEvent } from "@agentmesh/proto/runner.contract";
import { runWithTraceparent } from "@agentmesh/telemetry";
import { insertRun } from "../store/runs.ts";
import type { ModelCall, RunRequest } from "./run-request.ts";

/** All there is to say of a run when it has ended. */
export type EndedRun = {
  readonly run: AgentRun;
  readonly request: RunRequest;
  readonly calls: readonly ModelCall[];
  /** In the order of `calls`, integer nano-USD. */
  readonly costsNanoUsd: readonly bigint[];
  readonly traceparent: string | undefined;
};

/** Run, usage of each model call, completion and audit: all of it commits, or none. */
export async function storeRuns(db: Database, ended: readonly EndedRun[]): Promise<true[]> {
  await db.transaction(async (tx) => {
    for (const each of ended) await runWithTraceparent(each.traceparent, () => storeRun(tx, each));
  });
  return ended.map(() => true);
}

async function storeRun(tx: Transaction, { run, request, calls, costsNanoUsd }: EndedRun): Promise<void> {
  const { tenant } = run;
  const isAnswer = run.state === AgentRun_State.SUCCEEDED;
  await insertRun(tx, run, isAnswer ? request.stepKey : "");
  await emitAll(
    tx,
    usageRecordedEvent,
    calls.map((call, index) => ({
      tenant,
      data: usageOf(run, request, call, costsNanoUsd[index] ?? 0n),
      id: `usage:${tenant}:${call.attemptId}`,
    })),
  );
  const { id: runId, agent, agentVersion, state, model, cache, usage, failure, subject, labels } = run;
  const durationMs = Math.max(0, (run.endedAt?.getTime() ?? 0) - (run.startedAt?.getTime() ?? 0));
  await emit(tx, agentRunCompletedEvent, {
    tenant,
    data: { runId, agent, agentVersion, state, model, cache, durationMs, usage, failure, subject, labels },
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
    requestHash: sha256Hex(request.text),
    replyHash: sha256Hex(run.text),
    ...(failure && { reason: failure.code }),
  });
}

function usageOf(run: AgentRun, { caller }: RunRequest, call: ModelCall, costNanoUsd: bigint): UsageRecorded {
  const { attemptId, provider, model, responseMs, cacheHit, savedNanoUsd, failed, at, usage } = call;
  return UsageRecorded.fromPartial({
    attemptId,
    runId: run.id,
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
