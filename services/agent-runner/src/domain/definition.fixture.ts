import { type AgentDefinition, defineAgent } from "./agent.ts";
import { agentSpec } from "./agent-spec.ts";
import { compileSchema } from "./json-schema.ts";
import type { ModelReply, ModelRequest } from "./model.ts";
import type { TraceEntry } from "./reasoning/trace.ts";
import type { LoopPorts } from "./run-loop.ts";
import type { Tool, ToolCallRecord } from "./tool.ts";
import type { ToolEffect } from "./tool-spec.ts";

/** A tool that takes a number `n` and answers what `run` does. */
export function numberTool(name: string, run: Tool["run"], effect: ToolEffect = "read"): Tool {
  const parameters = { type: "object", properties: { n: { type: "number" } }, required: ["n"] };
  return {
    name,
    version: 1,
    effect,
    declaration: { type: "function", function: { name, description: name, parameters } },
    parameters: compileSchema(parameters, "parameters"),
    run,
  };
}

export function defineTestAgent(spec: object, tools: readonly Tool[] = []): AgentDefinition {
  const parsed = agentSpec.parse({ instructions: "test", ...spec });
  const output = parsed.output && compileSchema(parsed.output, "spec.output");
  return defineAgent({ tenant: "acme", name: "tested", version: 1 }, parsed, output, tools);
}

export function says(text: string, finish: ModelReply["finish"] = "stop"): ModelReply {
  return { text, toolCalls: [], finish, usage: USAGE };
}

export function asksFor(...calls: readonly [name: string, args: unknown][]): ModelReply {
  const toolCalls = calls.map(([name, args], index) => ({
    id: `call_${index}`,
    type: "function" as const,
    function: { name, arguments: typeof args === "string" ? args : JSON.stringify(args) },
  }));
  return { text: "", toolCalls, finish: "tool_calls", usage: USAGE };
}

const USAGE = {
  uncachedInputTokens: 1,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 1,
  reasoningTokens: 0,
};

/** Ports over a model that gives these replies in turn, the last one for ever. */
export function scriptedPorts(replies: readonly ModelReply[]) {
  const requests: ModelRequest[] = [];
  const ended: ToolCallRecord[] = [];
  const trace: TraceEntry[] = [];
  const abort = new AbortController();
  const ports: LoopPorts = {
    signal: abort.signal,
    caller: { tenant: "acme", subject: "user:ada", permissions: new Set() },
    callAgent: () => Promise.reject(new Error("no agents here")),
    onTrace: (entry) => trace.push(entry),
    nowMs: () => performance.now(),
    toolKey: (callId) => `key:${callId}`,
    onToolEnded: (call) => ended.push(call),
    async callModel(request) {
      requests.push({ ...request, messages: [...request.messages] });
      const reply = replies[Math.min(requests.length, replies.length) - 1];
      if (!reply) throw new Error("a script without replies");
      return reply;
    },
  };
  return { ports, requests, ended, trace, abort };
}
