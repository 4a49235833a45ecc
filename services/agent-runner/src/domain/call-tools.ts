import { describeError } from "@agentmesh/errors";
import { mapBounded } from "./map-bounded.ts";
import type { ChatMessage, WireToolCall } from "./model.ts";
import type { Tool, ToolArguments, ToolCallRecord } from "./tool.ts";

export type CallToolsPorts = {
  readonly signal: AbortSignal;
  /** A clock that only goes forward, in milliseconds. */
  nowMs(): number;
  /** Stable for one call of one run. */
  toolKey(callId: string): string;
  onToolStarted?(call: Pick<ToolCallRecord, "id" | "tool" | "arguments">): void;
  onToolEnded?(call: ToolCallRecord): void;
};

const MAX_PARALLEL = 8;
const MAX_CALLS_A_TURN = 32;
const MAX_RESULT_CHARS = 64 * 1024;

/**
 * Calls what the model asked for, in parallel. Whatever is wrong with a call is its result, for the model to do better;
 * only the end of the run itself is thrown.
 */
export async function callTools(
  tools: ReadonlyMap<string, Tool>,
  calls: readonly WireToolCall[],
  ports: CallToolsPorts,
): Promise<{ messages: ChatMessage[]; hadEffect: boolean }> {
  let hadEffect = false;
  const messages = await mapBounded(calls, MAX_PARALLEL, async (call, index): Promise<ChatMessage> => {
    const tool = tools.get(call.function.name);
    const startedAtMs = ports.nowMs();
    const args = readArguments(call.function.arguments);
    const described = { id: call.id, tool: call.function.name, arguments: args };
    ports.onToolStarted?.(described);
    const refusal = index >= MAX_CALLS_A_TURN ? `at most ${MAX_CALLS_A_TURN} calls a turn` : refuse(tools, call, args);
    let outcome: { result: string; failed: boolean };
    if (refusal !== undefined || !tool || !args) outcome = failure(refusal ?? "not called");
    else {
      hadEffect ||= tool.effect !== "read";
      outcome = await runTool(tool, args, call.id, ports);
    }
    ports.onToolEnded?.({ ...described, ...outcome, durationMs: Math.round(ports.nowMs() - startedAtMs) });
    return { role: "tool", tool_call_id: call.id, content: outcome.result };
  });
  return { messages, hadEffect };
}

function readArguments(text: string): ToolArguments | undefined {
  try {
    const value: unknown = JSON.parse(text || "{}");
    return value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function refuse(
  tools: ReadonlyMap<string, Tool>,
  call: WireToolCall,
  args: ToolArguments | undefined,
): string | undefined {
  const { name } = call.function;
  const tool = tools.get(name);
  if (!tool) return `there is no tool ${JSON.stringify(name)}; there are ${[...tools.keys()].join(", ") || "none"}`;
  if (!args) return `the arguments of ${name} are not a JSON object`;
  const errors = tool.parameters.check(args);
  return errors.length === 0
    ? undefined
    : `the arguments of ${name} do not satisfy its parameters: ${errors.join("; ")}`;
}

async function runTool(tool: Tool, args: ToolArguments, callId: string, ports: CallToolsPorts) {
  try {
    ports.signal.throwIfAborted();
    const value = await tool.run(args, { signal: ports.signal, idempotencyKey: ports.toolKey(callId) });
    return { result: clip(typeof value === "string" ? value : JSON.stringify(value ?? null)), failed: false };
  } catch (error) {
    if (ports.signal.aborted) throw ports.signal.reason;
    return failure(describeError(error));
  }
}

function failure(error: string): { result: string; failed: boolean } {
  return { result: clip(JSON.stringify({ error })), failed: true };
}

function clip(text: string): string {
  return text.length > MAX_RESULT_CHARS ? `${text.slice(0, MAX_RESULT_CHARS)}… (cut)` : text;
}
