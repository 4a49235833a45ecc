import { AppError, toAppError } from "@agentmesh/errors";
import { retry } from "@agentmesh/resilience";
import type { Context } from "../context.ts";
import type { AgentDefinition } from "../domain/agent.ts";
import {
  estimateInputTokens,
  estimateTokens,
  type ModelReply,
  type ModelRequest,
  NO_TOKENS,
  type TokenUsage,
} from "../domain/model.ts";
import type { LoopPorts } from "../domain/run-loop.ts";
import type { Model } from "../providers/open-models.ts";
import type { ModelCall, RunRequest } from "./run-request.ts";

type Run = {
  readonly id: string;
  readonly request: RunRequest;
  readonly definition: AgentDefinition;
  readonly model: Model;
  /** Grows by one with each upstream attempt, whatever became of it. */
  readonly calls: ModelCall[];
  readonly onText: ((delta: string) => void) | undefined;
};

const MAX_RETRY_DELAY_MS = 10_000;

/**
 * Calls the model of a run: money is held first, then the call is made under breaker and time-out, and tried again
 * where that may help, never after the first streamed byte. Each attempt has its own hold and its own record.
 *
 * @throws AppError of the provider, or of cost: without a hold no call is made
 */
export function createModelCaller(context: Context, run: Run): LoopPorts["callModel"] {
  const { signal } = run.request;
  return (request, quiet = false) => {
    let mayRetry = false;
    return retry(
      async () => {
        const attempt = await holdMoney(context, run, request);
        await noteIntent(run, attempt.id, request).catch((error) => {
          run.calls.push(neverMade(run, attempt.id));
          throw error;
        });
        mayRetry = true;
        const heard: Heard = { text: "", hasBegun: false };
        const onText = !quiet && run.onText ? hear(heard, run.onText) : undefined;
        try {
          return await callOnce(context, run, { ...request, maxTokens: attempt.maxTokens }, attempt.id, onText, heard);
        } catch (error) {
          mayRetry = !heard.hasBegun && mayTryAgain(error);
          throw error;
        }
      },
      {
        attempts: run.definition.spec.limits.retries + 1,
        delayMs: context.config.models.retryDelayMs,
        maxDelayMs: MAX_RETRY_DELAY_MS,
        signal,
        retryable: () => mayRetry,
      },
    );
  };
}

/** What came of a streamed answer so far. */
type Heard = { text: string; hasBegun: boolean };

function hear(heard: Heard, onText: (delta: string) => void): (delta: string) => void {
  return (delta) => {
    heard.text += delta;
    heard.hasBegun = true;
    onText(delta);
  };
}

function mayTryAgain(error: unknown): boolean {
  if (!(error instanceof AppError) || !error.retryable) return false;
  // Who asks for more patience than the longest backoff gets it from the caller, who is told.
  return (error.retryAfterMs ?? 0) <= MAX_RETRY_DELAY_MS;
}

async function holdMoney(
  context: Context,
  run: Run,
  request: ModelRequest,
): Promise<{ id: string; maxTokens: number }> {
  const { attempt, signal } = run.request;
  const id = `${run.id}:${attempt}:${run.calls.length + 1}`;
  try {
    const { maxOutputTokens } = await context.peers.cost.hold(
      {
        attemptId: id,
        charge: chargeOf(run),
        provider: run.model.provider,
        model: run.model.name,
        inputTokens: BigInt(estimateInputTokens(request)),
        maxOutputTokens: BigInt(request.maxTokens),
      },
      { signal },
    );
    return { id, maxTokens: Math.max(1, Math.min(request.maxTokens, Number(maxOutputTokens))) };
  } catch (error) {
    const failure = toAppError(error, "reserving money for a model call");
    // It may have been granted all the same: unless it is settled at nothing, cost takes it for spent some day.
    if (failure.code === "CANCELLED" || failure.code === "DEADLINE_EXCEEDED") run.calls.push(neverMade(run, id));
    throw failure;
  }
}

/** An attempt that has, or may have, its hold and nothing else. */
function neverMade({ model: { provider, name } }: Run, attemptId: string): ModelCall {
  const nothing = { usage: NO_TOKENS, responseMs: 0, failed: true, cacheHit: false, savedNanoUsd: 0n };
  return { attemptId, provider, model: name, at: new Date(), ...nothing };
}

/** A process that dies in the middle of the call leaves a row of it behind. */
async function noteIntent(
  { request: { durable, accounts }, model, definition }: Run,
  attemptId: string,
  asked: ModelRequest,
) {
  const { provider, name } = model;
  const inputTokens = estimateInputTokens(asked);
  await (durable ?? accounts)?.intend({ attemptId, agent: definition.name, provider, model: name, inputTokens });
}

export function chargeOf({ id, request: { caller, lineage }, definition }: Pick<Run, "id" | "request" | "definition">) {
  const { tenant, subject, department, project } = caller;
  return { tenant, subject, department, project, agent: definition.name, runId: lineage?.rootRunId ?? id };
}

async function callOnce(
  context: Context,
  run: Run,
  request: ModelRequest,
  attemptId: string,
  onText: ((delta: string) => void) | undefined,
  heard: Heard,
): Promise<ModelReply> {
  const { model, definition } = run;
  const at = new Date();
  const startedAtMs = performance.now();
  function record(usage: TokenUsage, failed: boolean): void {
    const responseMs = Math.round(performance.now() - startedAtMs);
    const { provider, name } = model;
    (run.request.durable ?? run.request.accounts)?.noteUsage(attemptId, usage);
    run.calls.push({
      attemptId,
      provider,
      model: name,
      usage,
      responseMs,
      failed,
      at,
      cacheHit: false,
      savedNanoUsd: 0n,
    });
    context.measured.calledModel(model.fullName, failed ? "failed" : "ok", responseMs);
  }
  try {
    const { timeoutMs } = definition.spec.limits;
    const onBegun = () => (heard.hasBegun = true);
    const options = { signal: run.request.signal, timeoutMs, onText, onBegun };
    const reply = await model.breaker.run(() => model.client.complete(model.name, request, options));
    record(reply.usage, false);
    return reply;
  } catch (error) {
    record(usageOfFailure(error, request, heard), true);
    throw error;
  }
}

/** A call that was refused costs nothing; one that was cut off is billed for what it read and wrote until then. */
function usageOfFailure(error: unknown, request: ModelRequest, heard: Heard): TokenUsage {
  const code = error instanceof AppError ? error.code : "INTERNAL";
  const wasCutOff = heard.hasBegun || code === "CANCELLED" || code === "DEADLINE_EXCEEDED";
  if (!wasCutOff) return NO_TOKENS;
  return { ...NO_TOKENS, uncachedInputTokens: estimateInputTokens(request), outputTokens: estimateTokens(heard.text) };
}
