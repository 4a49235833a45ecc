import { AppError } from "@agentmesh/errors";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import { compileCondition, compileMapping } from "@agentmesh/mapping";
import { lacks, mayCall } from "../domain/call-tools.ts";
import type { EffectsSpec, VerifySpec } from "../domain/effects-spec.ts";
import { statusOf } from "../domain/http-status.ts";
import type { Tool, ToolArguments, ToolCallContext } from "../domain/tool.ts";
import type { Effect } from "./have-once.ts";
import type { Effects } from "./open-effects.ts";

type Declared = { readonly name: string; readonly timeoutMs: number; readonly effects: EffectsSpec };
type Ask = (args: ToolArguments, context: ToolCallContext) => ReturnType<Effect["ask"]>;

const NOT_FOUND = 404;

/**
 * A tool whose effect is had once. Where the other system takes our key that is all there is to it; else each effect has
 * a row.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_PATH) for a path in `effects` that is none
 */
export function onceOnly({ name, timeoutMs, effects }: Declared, run: Tool["run"], ports: Effects): Tool["run"] {
  if (effects.mode === "keyed") return run;
  const ask = effects.mode === "verify" ? compileAsk(effects, ports) : neverAsked;
  const settleMs = effects.mode === "verify" ? effects.settleMs : 0;
  return (args, context) => {
    const { caller, idempotencyKey: key, attempt = 1, signal } = context;
    return ports.once({
      tenant: caller.tenant,
      key,
      tool: name,
      mode: effects.mode,
      attempt,
      requestHash: sha256Hex(canonicalJson({ tool: name, args })),
      timeoutMs,
      settleMs,
      signal,
      assertMayAct: () => context.assertMayAct?.(),
      call: async (assertMayAct) => run(args, { ...context, assertMayAct }),
      ask: () => ask(args, context),
    });
  };
}

function compileAsk({ by, input, done, result }: VerifySpec, ports: Effects): Ask {
  const inputOf = compileMapping(input);
  const isDone = compileCondition(done);
  const resultOf = compileMapping(result);
  return async (args, context) => {
    const { caller, idempotencyKey: key } = context;
    const tool = ports.tool(caller.tenant, by);
    const given = inputOf({ args, key });
    assertMayAsk(tool, given, caller);
    const scope = { args, key, answer: await answerOf(tool, given, { ...context, assertMayAct: undefined }) };
    return { done: isDone(scope), result: resultOf(scope) };
  };
}

function assertMayAsk(tool: Tool, given: unknown, caller: ToolCallContext["caller"]): asserts given is ToolArguments {
  // Since the declaration was applied the other may have changed.
  if (tool.effect !== "read") {
    throw new AppError(
      "FAILED_PRECONDITION",
      `the tool ${tool.name} is ${tool.effect}; only one that reads may be asked`,
    );
  }
  if (!mayCall(tool, caller)) throw new AppError("PERMISSION_DENIED", lacks(tool), { reason: "MISSING_PERMISSION" });
  const isObject = given !== null && typeof given === "object" && !Array.isArray(given);
  const errors = isObject ? tool.parameters.check(given) : ["effects.input is no object"];
  if (errors.length === 0) return;
  throw new AppError("INVALID_ARGUMENT", `the tool ${tool.name} cannot be asked: ${errors.join("; ")}`);
}

/** What is not there is an answer too. */
async function answerOf(tool: Tool, args: ToolArguments, context: ToolCallContext): Promise<unknown> {
  try {
    return await tool.run(args, context);
  } catch (error) {
    if (statusOf(error) === NOT_FOUND) return null;
    throw error;
  }
}

function neverAsked(): never {
  throw new AppError("INTERNAL", "an effect without a way to ask was asked for");
}
