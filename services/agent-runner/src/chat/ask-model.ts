import { recordAudit } from "@agentmesh/audit";
import { emitAll } from "@agentmesh/bus";
import { AppError, describeError, isAppError, toAppError } from "@agentmesh/errors";
import { canonicalJson, newId, sha256Hex } from "@agentmesh/ids";
import type { Usage } from "@agentmesh/proto/runner";
import { usageRecordedEvent } from "@agentmesh/proto/runner.contract";
import type { Context } from "../context.ts";
import { type AgentDefinition, defineAgent } from "../domain/agent.ts";
import { agentSpec } from "../domain/agent-spec.ts";
import { type MediaPart, missingAbility } from "../domain/media.ts";
import type { ModelReply, ModelRequest } from "../domain/model.ts";
import type { Model } from "../providers/open-models.ts";
import type { ChosenModels, ModelChoice } from "../run/choose-models.ts";
import { createFallbackCaller } from "../run/fall-back.ts";
import { guardMedia } from "../run/guard.ts";
import type { Caller, ModelCall, RunRequest } from "../run/run-request.ts";
import { settleCalls } from "../run/settle.ts";
import { usageOf } from "../run/store-runs.ts";
import { sumOf } from "../run/sum-calls.ts";

export type Asked = {
  readonly caller: Caller;
  /** The one to ask, then those to fall back to. */
  readonly models: readonly string[];
  readonly request: ModelRequest;
  readonly media: readonly MediaPart[];
  readonly signal: AbortSignal;
  readonly requestId: string;
  readonly onText?: ((delta: string) => void) | undefined;
};

export type Answered = {
  readonly id: string;
  readonly startedAt: Date;
  readonly reply: ModelReply;
  readonly model: string;
  readonly usage: Usage;
  readonly choices: readonly ModelChoice[];
};

/** A chat that has its id and its models, before any of them is asked. */
export type Chat = {
  readonly id: string;
  readonly startedAt: Date;
  readonly model: string;
  /** @throws AppError of the model, of cost, or RESOURCE_EXHAUSTED of a full pool */
  ask(): Promise<Answered>;
};

// The call's own deadline ends it sooner.
const CALL_TIMEOUT_MS = 120_000;

/**
 * A plain model, asked like an agent asks: under the pool of its name, breakers, retries and fall back, with money held
 * before each attempt. Whatever becomes of it, each attempt is settled and recorded, also when its caller has left.
 *
 * @throws AppError INVALID_ARGUMENT (UNKNOWN_MODEL, UNSUPPORTED_BY_MODEL, …), FAILED_PRECONDITION (PROVIDER_OFF)
 */
export function prepareChat(context: Context, asked: Asked): Chat {
  const { caller, signal } = asked;
  guardMedia(context.policies.policyOf(caller.tenant), asked.media);
  const chosen = chooseAmong(context, asked);
  const definition = definitionOf(caller.tenant, chosen.models[0]);
  const run: Run = { id: newId(), startedAt: new Date(), definition, chosen, calls: [], request: requestOf(asked) };
  const ask = async () => {
    let failure: AppError | undefined;
    try {
      const ports = { ...run, input: "", media: [], onText: asked.onText };
      const reply = await createFallbackCaller(context, ports)(asked.request);
      return { reply, usage: await record(context, run, asked, reply, undefined) };
    } catch (error) {
      failure = toAppError(signal.aborted ? signal.reason : error);
      await record(context, run, asked, undefined, failure);
      throw failure;
    }
  };
  return {
    id: run.id,
    startedAt: run.startedAt,
    model: chosen.models[0].fullName,
    async ask() {
      const work = context.pools.run(caller.tenant, definition.name, ask, { signal });
      const { reply, usage } = await context.inFlight.track(work);
      const { id, startedAt } = run;
      const model = chosen.choices.at(-1)?.model ?? chosen.models[0].fullName;
      return { id, startedAt, reply, usage, model, choices: chosen.choices };
    },
  };
}

type Run = {
  readonly id: string;
  readonly startedAt: Date;
  readonly definition: AgentDefinition;
  readonly chosen: ChosenModels;
  readonly calls: ModelCall[];
  readonly request: RunRequest;
};

function requestOf({ caller, signal, requestId }: Asked): RunRequest {
  const nothing = { agent: "", text: "", labels: {}, useCache: false, stepKey: "" };
  return { ...nothing, caller, signal, requestId, attempt: 1 };
}

/** In the ledger and its pool it stands as `model:provider/name`, which no agent can be called. */
function definitionOf(tenant: string, { fullName }: Model): AgentDefinition {
  const spec = agentSpec.parse({ instructions: "none", limits: { timeoutMs: CALL_TIMEOUT_MS } });
  return defineAgent({ tenant, name: `model:${fullName}`, version: 0 }, spec, undefined, []);
}

function chooseAmong(context: Context, { caller, models, request, media }: Asked): ChosenModels {
  const usable: Model[] = [];
  const left: { readonly name: string; readonly error: AppError }[] = [];
  for (const name of new Set(models)) {
    try {
      const model = context.models.resolve(name);
      const missing = missingAbility(model.abilities, { tools: request.tools.length, media });
      if (missing) throw unable(model, missing);
      usable.push(model);
    } catch (error) {
      if (!isAppError(error)) throw error;
      left.push({ name, error });
    }
  }
  const agent = { tenant: caller.tenant, name: "" };
  const [first, ...rest] = usable.toSorted(
    (a, b) => Number(isReserved(context, a, agent)) - Number(isReserved(context, b, agent)),
  );
  const [missed] = left;
  if (!first) throw missed ? ofChat(missed.error) : new AppError("INTERNAL", "a chat without a model");
  const wasMissed = missed !== undefined && missed.name === models[0];
  const reason = `${missed?.name}: ${missed?.error.reason ?? missed?.error.code}`;
  return { models: [first, ...rest], choices: wasMissed ? [{ model: first.fullName, reason }] : [] };
}

/** Models are named by agents' specs elsewhere. */
function ofChat(error: AppError): AppError {
  if (error.field !== "spec.model") return error;
  const { code, message, reason } = error;
  return new AppError(code, message, { field: "model", cause: error, ...(reason !== undefined && { reason }) });
}

function isReserved(context: Context, model: Model, agent: { tenant: string; name: string }): boolean {
  return context.reservationOf(model, agent) !== undefined;
}

function unable(model: Model, missing: string): AppError {
  return new AppError("INVALID_ARGUMENT", `${model.fullName} does not take ${missing}; choose a model that does`, {
    reason: "UNSUPPORTED_BY_MODEL",
    field: missing === "tools" ? "tools" : "messages",
  });
}

/** Money and ledger of all attempts, and who asked what, in one transaction. */
async function record(
  context: Context,
  run: Run,
  asked: Asked,
  reply: ModelReply | undefined,
  failure: AppError | undefined,
): Promise<Usage> {
  const { calls, definition } = run;
  const { tenant, subject, actors } = asked.caller;
  const costs = await settleCalls(context, run, calls);
  const rows = calls.map((call, index) => ({
    tenant,
    data: usageOf({ id: run.id, agent: definition.name }, asked, call, costs[index] ?? 0n),
    id: `usage:${tenant}:${call.attemptId}`,
  }));
  try {
    await context.db.transaction(async (tx) => {
      await emitAll(tx, usageRecordedEvent, rows);
      await recordAudit(tx, {
        tenant,
        service: "agent-runner",
        subject,
        actors,
        action: "model.chat",
        resource: `Model/${calls.at(-1)?.provider ?? run.chosen.models[0].provider}/${calls.at(-1)?.model ?? run.chosen.models[0].name}`,
        outcome: reply ? "succeeded" : "failed",
        requestId: asked.requestId,
        requestHash: sha256Hex(canonicalJson(asked.request.messages)),
        ...(reply && { replyHash: sha256Hex(canonicalJson([reply.text, reply.toolCalls])) }),
        ...(failure && { reason: failure.reason ?? failure.code }),
      });
    });
  } catch (error) {
    // A failed call fails with its own reason; an answer that nobody would account for does not leave.
    if (reply) throw error;
    context.log.error({ chatId: run.id, reason: describeError(error) }, "the usage of a failed chat was not recorded");
  }
  return sumOf(calls, costs);
}
