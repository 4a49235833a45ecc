import { AppError, toAppError } from "@agentmesh/errors";
import type { AgentWork, StepWork } from "@agentmesh/proto/orchestrator";
import { AgentRun_State } from "@agentmesh/proto/runner";
import { inSpan } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import { textOf } from "../handlers/read-request.ts";
import { executeRun, toFailure } from "../run/execute-run.ts";
import { readRunOfStep } from "../store/runs.ts";
import { effectsOf, type StepLease } from "./effects-of-step.ts";
import { runToolStep } from "./run-tool-step.ts";
import type { SubjectTokens } from "./subject-tokens.ts";

export type StepFailure = { readonly code: string; readonly message: string; readonly retryable: boolean };

export type StepOutcome =
  | {
      readonly ok: true;
      readonly output: unknown;
      readonly costNanoUsd: bigint;
      /** Of an agent's answer, 0 to 1. */
      readonly quality?: number | undefined;
    }
  | { readonly ok: false; readonly failure: StepFailure; readonly costNanoUsd: bigint };

/** Does the work of one step; what goes wrong is its outcome. */
export async function runStep(
  context: Context,
  tokens: SubjectTokens,
  work: StepWork,
  lease: StepLease,
): Promise<StepOutcome> {
  const { signal } = lease;
  const { workflow = "", step = "" } = work.labels;
  const span = { kind: "consumer", traceparent: work.traceparent || undefined } as const;
  try {
    return await inSpan(`step ${workflow}/${step}`, span, () => doStep(context, tokens, work, lease));
  } catch (error) {
    return { ok: false, failure: failureOf(toAppError(signal.aborted ? signal.reason : error)), costNanoUsd: 0n };
  }
}

async function doStep(context: Context, tokens: SubjectTokens, work: StepWork, lease: StepLease): Promise<StepOutcome> {
  switch (work.work?.$case) {
    case "tool":
      return { ok: true, output: await runToolStep(context, tokens, work, work.work.value, lease), costNanoUsd: 0n };
    case "agent":
      return await runAgentStep(context, tokens, work, work.work.value, lease);
    case undefined:
      throw new AppError("UNIMPLEMENTED", "a step of a kind this worker does not know");
    default:
      return work.work satisfies never;
  }
}

function failureOf(error: AppError): StepFailure {
  // A worker may learn of a tool or agent a moment after the workflow that uses it; attempts bound the patience.
  return error.code === "NOT_FOUND" ? { ...toFailure(error), retryable: true } : toFailure(error);
}

async function runAgentStep(
  context: Context,
  tokens: SubjectTokens,
  work: StepWork,
  { agent, input }: AgentWork,
  lease: StepLease,
): Promise<StepOutcome> {
  const { signal } = lease;
  // The orchestrator counts attempts up when it wants another answer, not when a lease changes hands.
  const stepKey = `${work.idempotencyKey}:${work.attempt}`;
  const earlier = await readRunOfStep(context.db, work.tenant, stepKey);
  const run =
    earlier ??
    (await context.inFlight.track(
      executeRun(context, {
        caller: await tokens.callerFor(work.tenant, work.subject, agent),
        agent,
        text: typeof input === "string" ? textOf(input, undefined) : textOf("", input),
        labels: { ...work.labels, workflow: work.workflow },
        // A further attempt asks for a better answer than the last.
        useCache: work.attempt <= 1,
        signal: work.timeoutMs > 0 ? AbortSignal.any([signal, AbortSignal.timeout(work.timeoutMs)]) : signal,
        requestId: work.idempotencyKey,
        attempt: work.attempt,
        stepKey,
        effects: effectsOf(work, lease),
      }),
    ));
  const costNanoUsd = run.usage?.costNanoUsd ?? 0n;
  if (run.state === AgentRun_State.SUCCEEDED) {
    const output: unknown = run.output === undefined ? { text: run.text } : run.output;
    return { ok: true, output, costNanoUsd, quality: run.quality?.score };
  }
  const unknown = { code: "INTERNAL", message: `agent run ${run.id} ended as ${run.state}`, retryable: false };
  return { ok: false, failure: run.failure ?? unknown, costNanoUsd };
}
