import { AppError, describeError } from "@agentmesh/errors";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import { mapBounded } from "./map-bounded.ts";
import type { ChatMessage, WireToolCall } from "./model.ts";
import { saysNotMade } from "./says-not-made.ts";
import type { EffectUnderWay, Tool, ToolArguments, ToolCallContext, ToolCallRecord } from "./tool.ts";

export type CallToolsPorts = Pick<ToolCallContext, "caller" | "callAgent" | "attempt" | "assertMayAct"> & {
  readonly signal: AbortSignal;
  /** Begins a call that may have an effect. Default: nobody need know when it is over. */
  readonly act?: (() => EffectUnderWay) | undefined;
  /** A clock that only goes forward, in milliseconds. */
  nowMs(): number;
  /** Stable for one call of one run. */
  toolKey(call: string): string;
  /** Before a tool that may not be called twice; a rejection ends the run. */
  readonly beforeEffect?: (() => Promise<void>) | undefined;
  onToolStarted?(call: Pick<ToolCallRecord, "id" | "tool" | "arguments">): void;
  onToolEnded?(call: ToolCallRecord): void;
};

const MAX_PARALLEL = 8;
const MAX_CALLS_A_TURN = 32;
const MAX_RESULT_CHARS = 64 * 1024;

/**
 * Calls what the model asked for, in parallel. Whatever is wrong with a call is its result, for the model to do better;
 * only the end of the run itself is thrown, and that nobody knows whether a call had its effect (IN_DOUBT): a model would
 * go on as if it had, or try again.
 *
 * @param made names of the effects the run had before; grows
 */
export async function callTools(
  tools: ReadonlyMap<string, Tool>,
  calls: readonly WireToolCall[],
  ports: CallToolsPorts,
  made: Set<string>,
): Promise<{ messages: ChatMessage[]; isReusable: boolean }> {
  let isReusable = true;
  let doubt: AppError | undefined;
  const messages = await mapBounded(calls, MAX_PARALLEL, async (call, index): Promise<ChatMessage> => {
    const tool = tools.get(call.function.name);
    const startedAtMs = ports.nowMs();
    const args = readArguments(call.function.arguments);
    const described = { id: call.id, tool: call.function.name, arguments: args };
    ports.onToolStarted?.(described);
    const refusal =
      index >= MAX_CALLS_A_TURN
        ? refusalOf("TOO_MANY_CALLS", `at most ${MAX_CALLS_A_TURN} calls a turn`)
        : refuse(tools, call, args, ports);
    // A refusal for want of a permission is as personal as the answer would have been.
    if (tool?.isVolatile) isReusable = false;
    let outcome: { result: string; failed: boolean };
    if (refusal !== undefined || !tool || !args) outcome = failure(refusal ?? refusalOf("NOT_CALLED", "not called"));
    else {
      isReusable &&= tool.effect === "read";
      const isNamed = tool.effect !== "read" || tool.isAgent;
      const key = isNamed ? nameEffect(tool, args, made) : call.id;
      if (tool.effect === "effectful") await ports.beforeEffect?.();
      const ran = await runTool(tool, args, key, ports);
      // Asked for again it is the same effect, unless it is certain that there was none.
      if (ran.error !== undefined && !saysNotMade(ran.error)) made.delete(key);
      if (ran.error instanceof AppError && ran.error.reason === "IN_DOUBT") doubt ??= ran.error;
      outcome = { result: ran.result, failed: ran.failed };
    }
    ports.onToolEnded?.({ ...described, ...outcome, durationMs: Math.round(ports.nowMs() - startedAtMs) });
    return { role: "tool", tool_call_id: call.id, content: outcome.result };
  });
  if (doubt) throw doubt;
  return { messages, isReusable };
}

function readArguments(text: string): ToolArguments | undefined {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

type Refusal = { readonly code: string; readonly error: string };

function refusalOf(code: string, error: string): Refusal {
  return { code, error };
}

function refuse(
  tools: ReadonlyMap<string, Tool>,
  call: WireToolCall,
  args: ToolArguments | undefined,
  { caller }: CallToolsPorts,
): Refusal | undefined {
  const { name } = call.function;
  const tool = tools.get(name);
  if (!tool) {
    const known = [...tools.keys()].join(", ") || "none";
    return refusalOf("UNKNOWN_TOOL", `there is no tool ${JSON.stringify(name)}; there are ${known}`);
  }
  if (!args) return refusalOf("BAD_ARGUMENTS", `the arguments of ${name} are not a JSON object`);
  if (!mayCall(tool, caller)) return refusalOf("MISSING_PERMISSION", lacks(tool));
  const errors = tool.parameters.check(args);
  if (errors.length === 0) return undefined;
  return refusalOf("BAD_ARGUMENTS", `the arguments of ${name} do not satisfy its parameters: ${errors.join("; ")}`);
}

export function mayCall(tool: Tool, { permissions }: ToolCallContext["caller"]): boolean {
  return !tool.permission || permissions.has(tool.permission);
}

export function lacks(tool: Tool): string {
  return `the tool ${tool.name} needs ${tool.permission}, which the caller of this run does not hold`;
}

/**
 * The name of an effect within its run: what it does, and how many times that was done before. A model that is asked
 * again gives its calls other ids; the effect of a run that is done over must still be the same one.
 */
function nameEffect({ name }: Tool, args: ToolArguments, made: Set<string>): string {
  const effect = `${name}:${sha256Hex(canonicalJson(args)).slice(0, 32)}`;
  let times = 1;
  while (made.has(`${effect}:${times}`)) times += 1;
  made.add(`${effect}:${times}`);
  return `${effect}:${times}`;
}

type Ran = { readonly result: string; readonly failed: boolean; readonly error?: unknown };

async function runTool(tool: Tool, args: ToolArguments, key: string, ports: CallToolsPorts): Promise<Ran> {
  using act = tool.effect === "read" ? undefined : ports.act?.();
  try {
    ports.signal.throwIfAborted();
    const value = await tool.run(args, {
      signal: ports.signal,
      idempotencyKey: ports.toolKey(key),
      caller: ports.caller,
      callAgent: ports.callAgent,
      attempt: ports.attempt ?? 1,
      assertMayAct: act?.assertMayAct ?? ports.assertMayAct,
    });
    return { result: clip(typeof value === "string" ? value : JSON.stringify(value ?? null)), failed: false };
  } catch (error) {
    if (ports.signal.aborted) throw ports.signal.reason;
    const code = error instanceof AppError ? (error.reason ?? error.code) : "INTERNAL";
    return { ...failure({ code, error: describeError(error) }), error };
  }
}

/** What the model reads of a call that failed: a code to go by, and what was wrong. */
function failure(refusal: Refusal): { result: string; failed: boolean } {
  return { result: clip(JSON.stringify(refusal)), failed: true };
}

function clip(text: string): string {
  return text.length > MAX_RESULT_CHARS ? `${text.slice(0, MAX_RESULT_CHARS)}… (cut)` : text;
}
