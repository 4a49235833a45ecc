import { type AppError, toAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { inspectValue, type Policy } from "@agentmesh/inspect";
import { AgentRun, AgentRun_State, type ToolCall } from "@agentmesh/proto/runner";
import { currentTraceparent } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import { type AgentDefinition, createAgent } from "../domain/agent.ts";
import { NO_TOKENS } from "../domain/model.ts";
import type { ToolCallRecord } from "../domain/tool.ts";
import type { Model } from "../providers/open-models.ts";
import { type Answer, cacheKey, findAnswer, storeAnswer } from "./answer-cache.ts";
import { createModelCaller } from "./call-model.ts";
import { guardAnswer, guardInput, guardStream } from "./guard.ts";
import type { ModelCall, RunRequest } from "./run-request.ts";
import { settleCalls } from "./settle.ts";

/** A run under way. */
type Run = {
  readonly id: string;
  readonly startedAt: Date;
  readonly request: RunRequest;
  readonly definition: AgentDefinition;
  readonly model: Model;
  readonly policy: Policy;
  readonly input: string;
  readonly calls: ModelCall[];
  readonly toolCalls: ToolCallRecord[];
};

type Ending = {
  readonly state: AgentRun_State;
  readonly answer: Answer;
  /** Where the answer came from: none, l1 or l2. */
  readonly cache: string;
  readonly failure: AppError | undefined;
  /** Set where the answer may be kept: the epoch its lookup saw. */
  readonly keepUnder: string;
};

/**
 * Runs an agent to its end and stores it. A run that began always comes back, also failed or cancelled, with the usage
 * it had.
 *
 * @throws AppError before the run begins: NOT_FOUND, BLOCKED_INPUT, PROVIDER_OFF, QUEUE_FULL; or when its end cannot be
 *   stored
 */
export async function executeRun(context: Context, request: RunRequest): Promise<AgentRun> {
  const { tenant } = request.caller;
  const definition = context.directory.agent(tenant, request.agent);
  const model = context.models.resolve(definition.spec.model);
  const policy = context.policies.policyOf(tenant);
  const input = guardInput(policy, request.text);
  return context.pools.run(tenant, definition.name, async () => {
    request.signal.throwIfAborted();
    const run: Run = {
      id: newId(),
      startedAt: new Date(),
      request,
      definition,
      model,
      policy,
      input,
      calls: [],
      toolCalls: [],
    };
    request.emit?.({ $case: "started", value: describe(run, undefined, []) });
    return endRun(context, run, await answerOrFail(context, run));
  });
}

async function answerOrFail(context: Context, run: Run): Promise<Ending> {
  try {
    return await answer(context, run);
  } catch (error) {
    const { signal } = run.request;
    const failure = toAppError(signal.aborted ? signal.reason : error);
    const state = failure.code === "CANCELLED" ? AgentRun_State.CANCELLED : AgentRun_State.FAILED;
    return { state, failure, answer: { text: "" }, cache: "none", keepUnder: "" };
  }
}

async function answer(context: Context, run: Run): Promise<Ending> {
  const { request, definition, model, policy } = run;
  const { spec } = definition;
  const succeeded = { state: AgentRun_State.SUCCEEDED, failure: undefined };
  const usesCache = request.useCache && spec.cache.mode === "exact";
  const key = cacheKey(definition, model.fullName, run.input);
  const found = usesCache ? await findAnswer(context, request.caller, key, request.signal) : undefined;
  if (found?.hit) {
    run.calls.push(hitAsCall(run, found.savedNanoUsd));
    const guarded = guardAnswer(policy, definition, found.answer);
    streamWhole(run, guarded.text);
    return { ...succeeded, answer: guarded, cache: found.tier, keepUnder: "" };
  }
  const result = await runAgent(context, run);
  const guarded = guardAnswer(policy, definition, result);
  return {
    ...succeeded,
    answer: guarded,
    cache: "none",
    keepUnder: result.isReusable && usesCache ? (found?.epoch ?? "") : "",
  };
}

async function runAgent(context: Context, run: Run) {
  const { request } = run;
  const { emit } = request;
  const stream = emit && guardStream(run.policy, (delta) => emit({ $case: "textDelta", value: delta }));
  const result = await createAgent(run.definition).run(run.input, {
    signal: request.signal,
    nowMs: () => performance.now(),
    toolKey: (callId) => `${request.stepKey || run.id}:${callId}`,
    callModel: createModelCaller(context, { ...run, onText: stream?.add }),
    onToolStarted: (call) => emit?.({ $case: "toolStarted", value: toToolCall(run, { ...NOT_ENDED, ...call }) }),
    onToolEnded(call) {
      run.toolCalls.push(call);
      context.measured.calledTool(call.failed ? "failed" : "ok");
      emit?.({ $case: "toolEnded", value: toToolCall(run, call) });
    },
  });
  stream?.end();
  return result;
}

const NOT_ENDED = { result: "", failed: false, durationMs: 0 };
const CHARS_PER_PIECE = 64;

/** A cached answer replays as a stream. */
function streamWhole({ request: { emit } }: Run, text: string): void {
  if (!emit) return;
  for (let at = 0; at < text.length; at += CHARS_PER_PIECE) {
    emit({ $case: "textDelta", value: text.slice(at, at + CHARS_PER_PIECE) });
  }
}

function hitAsCall(run: Run, savedNanoUsd: bigint): ModelCall {
  return {
    attemptId: `${run.id}:${run.request.attempt}:0`,
    provider: run.model.provider,
    model: run.model.name,
    usage: NO_TOKENS,
    responseMs: Math.max(0, Date.now() - run.startedAt.getTime()),
    failed: false,
    at: new Date(),
    cacheHit: true,
    savedNanoUsd,
  };
}

async function endRun(context: Context, run: Run, ending: Ending): Promise<AgentRun> {
  const { request, definition, calls } = run;
  const costsNanoUsd = await settleCalls(context, run, calls);
  const record = describe(run, ending, costsNanoUsd);
  await context.storeRun({ run: record, request, calls, costsNanoUsd, traceparent: currentTraceparent() });
  const durationMs = Date.now() - run.startedAt.getTime();
  context.measured.ran(definition.name, record.state, record.cache, durationMs);
  if (ending.keepUnder !== "") {
    const key = cacheKey(definition, run.model.fullName, run.input);
    const { ttlS } = definition.spec.cache;
    const costNanoUsd = record.usage?.costNanoUsd ?? 0n;
    const kept = { key, epoch: ending.keepUnder, answer: ending.answer, ttlS, costNanoUsd };
    void context.inFlight.track(storeAnswer(context, request.caller, kept));
  }
  request.emit?.({ $case: "ended", value: record });
  return record;
}

/** The run as it is answered and kept; without an ending, as it stands at its start. */
function describe(run: Run, ending: Ending | undefined, costsNanoUsd: readonly bigint[]): AgentRun {
  const { request, definition } = run;
  const { caller, labels } = request;
  return AgentRun.fromPartial({
    id: run.id,
    tenant: caller.tenant,
    agent: definition.name,
    agentVersion: definition.version,
    state: ending?.state ?? AgentRun_State.RUNNING,
    text: ending?.answer.text ?? "",
    output: ending?.answer.output,
    usage: sumOf(run.calls, costsNanoUsd),
    cache: ending?.cache ?? "none",
    model: run.model.fullName,
    toolCalls: run.toolCalls.map((call) => toToolCall(run, call)),
    ...(ending?.failure && { failure: toFailure(ending.failure) }),
    startedAt: run.startedAt,
    ...(ending && { endedAt: new Date() }),
    subject: caller.subject,
    actors: [...caller.actors],
    labels,
  });
}

export function toFailure(error: AppError) {
  return { code: error.reason ?? error.code, message: error.message, retryable: error.retryable };
}

function toToolCall(run: Run, call: ToolCallRecord): ToolCall {
  // What tools were given and gave back is kept and shown to people: under the same policy as the answer.
  const { arguments: args, result } = inspectValue(
    { arguments: call.arguments, result: call.result },
    run.policy,
  ).value;
  return { ...call, arguments: args && { ...args }, result };
}

function sumOf(calls: readonly ModelCall[], costsNanoUsd: readonly bigint[]) {
  const total = (pick: (call: ModelCall) => number) => BigInt(calls.reduce((sum, call) => sum + pick(call), 0));
  return {
    modelCalls: calls.filter((call) => !call.cacheHit).length,
    uncachedInputTokens: total(({ usage }) => usage.uncachedInputTokens),
    cacheReadTokens: total(({ usage }) => usage.cacheReadTokens),
    cacheWriteTokens: total(({ usage }) => usage.cacheWriteTokens),
    outputTokens: total(({ usage }) => usage.outputTokens),
    reasoningTokens: total(({ usage }) => usage.reasoningTokens),
    costNanoUsd: costsNanoUsd.reduce((sum, cost) => sum + cost, 0n),
  };
}
