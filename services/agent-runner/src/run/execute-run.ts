import { type AppError, toAppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import { inspectValue, type Policy } from "@agentmesh/inspect";
import { AgentRun, AgentRun_State, type ToolCall, type TraceEntry } from "@agentmesh/proto/runner";
import { currentTraceparent } from "@agentmesh/telemetry";
import type { Context } from "../context.ts";
import { type AgentDefinition, createAgent } from "../domain/agent.ts";
import type { MediaPart } from "../domain/media.ts";
import { type ChatMessage, NO_TOKENS } from "../domain/model.ts";
import type { Quality } from "../domain/quality.ts";
import type { LoopPorts } from "../domain/run-loop.ts";
import type { ToolCallRecord } from "../domain/tool.ts";
import type { Model } from "../providers/open-models.ts";
import type { RunAccount } from "./agent-accounts.ts";
import { poolKey } from "./agent-pools.ts";
import { type Answer, bypassOf, cacheKey, findKnown, openRunAnswers, type RunAnswers } from "./answer-cache.ts";
import { callAgent } from "./call-agent.ts";
import { type ChosenModels, chooseModels } from "./choose-models.ts";
import { createFallbackCaller } from "./fall-back.ts";
import { guardAnswer, guardHistory, guardInput, guardMedia, guardStream } from "./guard.ts";
import { judgeAnswer } from "./judge-answer.ts";
import { runWithMiddleware } from "./middleware.ts";
import type { ModelCall, RunRequest } from "./run-request.ts";
import { settleCalls } from "./settle.ts";
import { sumOf } from "./sum-calls.ts";
import { toTraceEntry } from "./to-trace-entry.ts";

/** A run under way. */
type Run = {
  readonly id: string;
  readonly startedAt: Date;
  readonly request: RunRequest;
  readonly definition: AgentDefinition;
  /** The first of those chosen. */
  readonly model: Model;
  readonly chosen: ChosenModels;
  readonly media: readonly MediaPart[];
  readonly policy: Policy;
  readonly input: string;
  readonly history: readonly ChatMessage[];
  readonly account: RunAccount;
  readonly answers: RunAnswers;
  readonly calls: ModelCall[];
  readonly toolCalls: ToolCallRecord[];
  readonly trace: TraceEntry[];
};

type Ending = {
  readonly state: AgentRun_State;
  readonly answer: Answer;
  /** Where the answer came from: none, l1, l2 or semantic. */
  readonly cache: string;
  readonly failure: AppError | undefined;
  /** Whether others may be given the answer. */
  readonly isShared: boolean;
  /** Of an answer. */
  readonly quality?: Quality | undefined;
};

/**
 * Runs an agent to its end and stores it. A run that began always comes back, also failed or cancelled, with the usage
 * it had.
 *
 * @throws AppError before the run begins: NOT_FOUND, BLOCKED_INPUT, PROVIDER_OFF, QUEUE_FULL; or when its end cannot be
 *   stored
 */
export function executeRun(context: Context, request: RunRequest): Promise<AgentRun> {
  return runWithMiddleware(context, request, () => beginRun(context, request));
}

/** All that is known of a run before it begins. @throws AppError as `executeRun` does */
function prepare(context: Context, request: RunRequest) {
  const { tenant } = request.caller;
  const definition = context.directory.agent(tenant, request.agent);
  const policy = context.policies.policyOf(tenant);
  const input = guardInput(policy, request.text);
  const history = guardHistory(policy, request.history ?? []);
  const media = request.media ?? [];
  guardMedia(policy, media);
  const reservationOf = (model: Model) => context.reservationOf(model, definition);
  const chosen = chooseModels(context.models, definition.spec, { text: input, media }, { reservationOf });
  const key = cacheKey(definition, chosen.models[0].fullName, input, { media, history });
  return { definition, policy, input, history, media, chosen, key };
}

/** The runs of one caller with what the cache has for them, looked up in one pass. */
export async function lookUpRuns(context: Context, requests: readonly RunRequest[]): Promise<readonly RunRequest[]> {
  const [first] = requests;
  const asked = requests.flatMap((request, index) => {
    try {
      const prepared = prepare(context, request);
      return usesCache(request, prepared.definition) ? [{ index, ...prepared }] : [];
    } catch {
      // The run itself says what is wrong with it.
      return [];
    }
  });
  if (!first || asked.length === 0) return requests;
  const hits = await findKnown(context, first.caller, asked);
  const known = new Map(asked.map(({ index }, at) => [index, hits[at]]));
  return requests.map((request, index) => ({ ...request, known: known.get(index) }));
}

/** What was said before is not part of the key. */
function usesCache(request: RunRequest, { spec }: AgentDefinition): boolean {
  return request.useCache && spec.cache.mode !== "off" && !request.conversation;
}

async function beginRun(context: Context, request: RunRequest): Promise<AgentRun> {
  const { tenant } = request.caller;
  const { definition, policy, input, history, media, chosen, key } = prepare(context, request);
  const { durable } = request;
  // Before it takes a place of the agent's pool: who waits in one session keeps no other run from going on.
  await durable?.awaitTurn(request.signal);
  // The run that is judged has a place and bounds its judge; two agents that judge each other would wait for ever.
  const enter = request.judges ? runAtOnce : context.pools.run;
  const work = async () => {
    request.signal.throwIfAborted();
    using account = context.accounts.begin(
      poolKey(tenant, definition.name),
      chosen.models.length > 1 ? chosen.models[0].fullName : "",
    );
    await using answers = openRunAnswers(context, { caller: request.caller, definition, key, signal: request.signal });
    const run: Run = {
      id: durable?.id ?? newId(),
      startedAt: durable?.startedAt ?? new Date(),
      request,
      definition,
      model: chosen.models[0],
      chosen,
      media,
      policy,
      input,
      history,
      account,
      answers,
      calls: [],
      toolCalls: [],
      trace: [],
    };
    request.emit?.({ $case: "started", value: describe(run, undefined, []) });
    return await endRun(context, run, await answerOrFail(context, run));
  };
  return enter(tenant, definition.name, work, { signal: request.signal, depth: request.lineage?.agents.length ?? 0 });
}

function runAtOnce<T>(_tenant: string, _agent: string, work: () => Promise<T>): Promise<T> {
  return work();
}

async function answerOrFail(context: Context, run: Run): Promise<Ending> {
  try {
    return await answer(context, run);
  } catch (error) {
    const { signal } = run.request;
    const failure = toAppError(signal.aborted ? signal.reason : error);
    const state = failure.code === "CANCELLED" ? AgentRun_State.CANCELLED : AgentRun_State.FAILED;
    return { state, failure, answer: { text: "" }, cache: "none", isShared: false };
  }
}

async function answer(context: Context, run: Run): Promise<Ending> {
  const { request, definition, policy } = run;
  const succeeded = { state: AgentRun_State.SUCCEEDED, failure: undefined };
  const found = request.known ?? (usesCache(request, definition) ? await run.answers.find() : undefined);
  if (found?.hit) {
    run.calls.push(hitAsCall(run, found.savedNanoUsd));
    const guarded = guardAnswer(policy, definition, found.answer);
    streamWhole(run, guarded.text);
    const quality = await scoreOf(context, run, guarded, true);
    return { ...succeeded, answer: guarded, cache: found.tier, isShared: false, quality };
  }
  const result = await runAgent(context, run);
  const guarded = guardAnswer(policy, definition, result);
  return {
    ...succeeded,
    answer: guarded,
    cache: "none",
    // The key names the first model: what another one answered is not kept under it.
    isShared: result.isReusable && found !== undefined && found.epoch !== "" && !hasFallenBack(run),
    quality: await scoreOf(context, run, guarded, false),
  };
}

function hasFallenBack({ chosen, model }: Run): boolean {
  return (chosen.choices.at(-1)?.model ?? model.fullName) !== model.fullName;
}

async function scoreOf(context: Context, run: Run, { text }: Answer, fromCache: boolean): Promise<Quality> {
  const satisfiesSchema = run.definition.output ? true : undefined;
  const execute = (request: RunRequest) => executeRun(context, request);
  const quality = await judgeAnswer(run, { text, satisfiesSchema, toolCalls: run.toolCalls }, { fromCache, execute });
  context.measured.scored(run.definition.name, quality.score);
  return quality;
}

async function runAgent(context: Context, run: Run) {
  const { request } = run;
  const { emit } = request;
  const stream = emit && guardStream(run.policy, (delta) => emit({ $case: "textDelta", value: delta }));
  const callModel = createFallbackCaller(context, { ...run, onText: stream?.add });
  const recalled = (await request.conversation?.before(run.input, (asked) => callModel(asked, true))) ?? [];
  const before = [...recalled, ...run.history];
  const ports: LoopPorts = {
    signal: request.signal,
    nowMs: () => performance.now(),
    toolKey: (callId) => `${request.lineage?.key ?? request.effects?.key ?? run.id}:${callId}`,
    attempt: request.effects?.attempt ?? 1,
    assertMayAct: request.effects?.assertMayAct,
    act: request.effects?.act,
    caller: request.caller,
    callAgent: (agent, args, call) => callAgent(context, executeRun, run, agent, args, call),
    onTrace(entry) {
      const kept = toTraceEntry(entry, run.policy);
      run.trace.push(kept);
      emit?.({ $case: "trace", value: kept });
    },
    callModel,
    beforeEffect: request.noteEffect,
    onToolStarted: (call) => emit?.({ $case: "toolStarted", value: toToolCall(run, { ...NOT_ENDED, ...call }) }),
    onToolEnded(call) {
      run.toolCalls.push(call);
      context.measured.calledTool(call.failed ? "failed" : "ok");
      emit?.({ $case: "toolEnded", value: toToolCall(run, call) });
    },
  };
  const result = await createAgent(run.definition).run(run.input, ports, before);
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
  run.account.ended({ chars: charsOf(run, ending), isComputed: ending.cache === "none" });
  const costsNanoUsd = await settleCalls(context, run, calls);
  const record = describe(run, ending, costsNanoUsd);
  const tail = await request.durable?.close(record);
  const ended = { run: record, request, input: run.input, calls, costsNanoUsd, tail };
  await context.storeRun({ ...ended, traceparent: currentTraceparent() });
  const durationMs = Date.now() - run.startedAt.getTime();
  context.measured.ran(definition.name, record.state, record.cache, durationMs);
  if (record.cacheBypass !== "") context.measured.cacheBypassed("tool_effect");
  if (ending.isShared) {
    void context.inFlight.track(run.answers.keep(ending.answer, record.usage?.costNanoUsd ?? 0n));
  } else if (record.state === AgentRun_State.SUCCEEDED) {
    void context.inFlight.track(run.answers.keepNone());
  }
  if (request.durable && tail) request.durable.ended(tail);
  else request.emit?.({ $case: "ended", value: record });
  return record;
}

function charsOf({ input, media, toolCalls }: Run, { answer }: Ending): number {
  const parts = media.map((part) => (part.type === "image_url" ? part.image_url.url : part.input_audio.data));
  const texts = [input, answer.text, ...parts, ...toolCalls.map(({ result }) => result)];
  return texts.reduce((sum, { length }) => sum + length, 0);
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
    cacheBypass: request.useCache ? bypassOf(definition) : "",
    model: run.chosen.choices.at(-1)?.model ?? run.model.fullName,
    modelChoices: run.chosen.choices,
    ...(ending?.quality && { quality: ending.quality }),
    toolCalls: run.toolCalls.map((call) => toToolCall(run, call)),
    trace: run.trace,
    ...(ending?.failure && { failure: toFailure(ending.failure) }),
    startedAt: run.startedAt,
    ...(ending && { endedAt: new Date() }),
    subject: caller.subject,
    actors: [...caller.actors],
    labels,
    session: request.durable?.session ?? "",
    attempt: request.durable?.epoch ?? 0,
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
