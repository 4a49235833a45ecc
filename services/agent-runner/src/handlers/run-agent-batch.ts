import { AppError, describeError, toAppError } from "@agentmesh/errors";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import {
  AgentRun_State,
  type BatchResult,
  type RunAgentBatchReply,
  type RunAgentBatchRequest,
  RunAgentRequest,
} from "@agentmesh/proto/runner";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import type { AgentDefinition } from "../domain/agent.ts";
import { mapBounded } from "../domain/map-bounded.ts";
import { executeRun, lookUpRuns, toFailure } from "../run/execute-run.ts";
import type { RunRequest } from "../run/run-request.ts";
import { recollect } from "../sessions/recollect.ts";
import { readRequest } from "./read-request.ts";

const MAX_INPUTS = 1_000;
const MAX_CONCURRENCY = 100;
// Room for the frame and headers under the bound of one message.
const MAX_REPLY_BYTES = 3_500_000;

type Result = DeepPartial<BatchResult>;

/**
 * Results in input order; what goes wrong with one input is its result. Equal inputs are run once, also where the
 * cache is off: they were asked in one breath.
 */
export async function runAgentBatch(
  context: Context,
  request: RunAgentBatchRequest,
  call: Call,
): Promise<DeepPartial<RunAgentBatchReply>> {
  const { agent, labels, noCache } = request;
  // An agent that does not exist is the fault of the whole batch.
  const definition = context.directory.agent(requirePrincipal(call).tenant, agent);
  const concurrency = boundsOf(request, definition.spec.batch.size);
  const single = request.inputs.map((input) => RunAgentRequest.fromPartial({ ...input, agent, labels, noCache }));
  const keys = single.map(keyOf);
  const firsts = new Map<string, RunAgentRequest>();
  for (const [index, each] of single.entries()) {
    const key = keys[index] ?? "";
    if (!firsts.has(key)) firsts.set(key, each);
  }
  const results = new Map<string, Result>();
  const begun = await lookUpAll(context, definition, firsts, call);
  await mapBounded([...begun], concurrency, async ([key, each]) => results.set(key, await runOne(context, each)));
  return { results: fitting(keys.map((key) => results.get(key) ?? {})), computed: firsts.size };
}

/** Each input as a run or as what is wrong with it. One pass finds what the cache has; the runs compute the rest. */
async function lookUpAll(
  context: Context,
  definition: AgentDefinition,
  asked: ReadonlyMap<string, RunAgentRequest>,
  call: Call,
): Promise<ReadonlyMap<string, RunRequest | AppError>> {
  const begun = new Map<string, RunRequest | AppError>();
  for (const [key, each] of asked) {
    try {
      const read = readRequest(each, call);
      begun.set(key, { ...read, conversation: recollect(context, definition, read.caller, undefined) });
    } catch (error) {
      begun.set(key, toAppError(error));
    }
  }
  const runs = [...begun].flatMap(([key, read]) => (read instanceof AppError ? [] : [{ key, read }]));
  const found = await lookUpRuns(
    context,
    runs.map(({ read }) => read),
  );
  for (const [index, { key, read }] of runs.entries()) begun.set(key, found[index] ?? read);
  return begun;
}

async function runOne(context: Context, request: RunRequest | AppError): Promise<Result> {
  try {
    if (request instanceof AppError) throw request;
    const run = await context.inFlight.track(executeRun(context, request));
    if (run.state === AgentRun_State.SUCCEEDED) return { run };
    return { run, ...(run.failure && { failure: run.failure }) };
  } catch (error) {
    context.log.debug({ reason: describeError(error) }, "an input of a batch did not run");
    return { failure: toFailure(toAppError(error)) };
  }
}

function boundsOf({ inputs, concurrency }: RunAgentBatchRequest, size: number): number {
  if (inputs.length < 1 || inputs.length > MAX_INPUTS) {
    throw new AppError("INVALID_ARGUMENT", `a batch of ${inputs.length} inputs; give 1 to ${MAX_INPUTS}`, {
      reason: "BATCH_SIZE",
      field: "inputs",
    });
  }
  if (concurrency > MAX_CONCURRENCY) {
    throw new AppError("INVALID_ARGUMENT", `concurrency ${concurrency}; at most ${MAX_CONCURRENCY}`, {
      field: "concurrency",
    });
  }
  return Math.min(concurrency || size, size);
}

function keyOf({ text, input, parts }: RunAgentRequest): string {
  const bytes = parts.length > 0 ? RunAgentRequest.encode(RunAgentRequest.fromPartial({ parts })).finish() : undefined;
  const media = bytes ? sha256Hex(Buffer.from(bytes).toString("base64")) : "";
  return canonicalJson([text.normalize("NFC").trim(), input ?? null, media]);
}

/** A reply has a bound; a run whose answer no longer fits is named, and can be read by its id. */
function fitting(results: readonly Result[]): Result[] {
  let bytes = 0;
  return results.map((result) => {
    const text = Buffer.byteLength(JSON.stringify([result.run?.text, result.run?.output, result.run?.toolCalls]) ?? "");
    if (bytes + text <= MAX_REPLY_BYTES) {
      bytes += text;
      return result;
    }
    const { id, agent, state, model } = result.run ?? {};
    return { ...result, run: { id: id ?? "", agent: agent ?? "", model: model ?? "", ...(state && { state }) } };
  });
}
