import type {
  ChatCompletion,
  ChatCompletionChunk,
  ChatCompletionCreateParams,
} from "openai/resources/chat/completions";
import type { CompletionUsage } from "openai/resources/completions";
import type { WireToolCall } from "../domain/model.ts";
import {
  estimateInputTokens,
  estimateTokens,
  type ModelReply,
  type ModelRequest,
  type TokenUsage,
} from "../domain/model.ts";
import type { Abilities } from "./presets.ts";

/** The body of a request in the words of chat.completions. */
export function toWire(
  abilities: Abilities,
  model: string,
  request: ModelRequest,
  stream: boolean,
): ChatCompletionCreateParams {
  const { output, tools } = request;
  const base: ChatCompletionCreateParams = {
    model,
    messages: messagesFor(abilities, request),
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    [abilities.maxTokens]: request.maxTokens,
    ...(tools.length > 0 && { tools: tools.map((tool) => ({ ...tool, function: { ...tool.function } })) }),
    ...(output && formatOf(abilities, output)),
    ...settingsFor(abilities, request),
  };
  if (!stream) return base;
  return { ...base, stream: true, ...(abilities.streamUsage && { stream_options: { include_usage: true } }) };
}

function messagesFor(abilities: Abilities, request: ModelRequest): ChatCompletionCreateParams["messages"] {
  const { messages, output } = request;
  if (!output || abilities.structured === "json_schema") return [...messages];
  const wish = `Answer with nothing but JSON that satisfies this JSON Schema: ${JSON.stringify(output.schema)}`;
  if (messages[0]?.role !== "system") return [{ role: "system", content: wish }, ...messages];
  return messages.map((message, index) =>
    index === 0 && message.role === "system" ? { ...message, content: `${message.content}\n\n${wish}` } : message,
  );
}

/** An endpoint that takes no format answers text; tools that are not there are not chosen from. */
function settingsFor(abilities: Abilities, { settings, tools }: ModelRequest): object {
  const { tool_choice, parallel_tool_calls, response_format, ...rest } = settings ?? {};
  return {
    ...rest,
    ...(tools.length > 0 && tool_choice !== undefined && { tool_choice }),
    ...(tools.length > 0 && parallel_tool_calls !== undefined && { parallel_tool_calls }),
    ...(abilities.structured !== "none" && response_format && { response_format }),
  };
}

function formatOf(
  abilities: Abilities,
  output: NonNullable<ModelRequest["output"]>,
): Pick<ChatCompletionCreateParams, "response_format"> {
  switch (abilities.structured) {
    case "json_schema":
      return {
        response_format: { type: "json_schema", json_schema: { ...output, schema: { ...output.schema } } },
      };
    case "json_object":
      return { response_format: { type: "json_object" } };
    case "none":
      return {};
    default:
      return abilities.structured satisfies never;
  }
}

/** What is read of a choice, whole or in pieces. Everything is optional: it comes from another company's server. */
type Choice = {
  text: string;
  toolCalls: WireToolCall[];
  finish: string | null | undefined;
};

/** A reply, or undefined when the JSON is not a completion. */
export function fromWire(completion: Partial<ChatCompletion>, request: ModelRequest): ModelReply | undefined {
  const choice = Array.isArray(completion.choices) ? completion.choices[0] : undefined;
  if (!choice?.message || typeof choice.message !== "object") return undefined;
  const calls: unknown = choice.message.tool_calls ?? [];
  if (!Array.isArray(calls) || calls.length > MAX_TOOL_CALLS) return undefined;
  const toolCalls = calls.map(toolCallOf);
  if (toolCalls.some((call) => call === undefined)) return undefined;
  const text = textOf(choice.message.content);
  if (text === undefined) return undefined;
  const known = toolCalls.filter((call) => call !== undefined);
  return toReply({ text, toolCalls: known, finish: choice.finish_reason }, completion.usage, request);
}

const MAX_TOOL_CALLS = 128;

type LooseCall = { id?: unknown; function?: { name?: unknown; arguments?: unknown } };

/** Some endpoints leave id or type out, or give arguments as an object; without a name it is no call. */
function toolCallOf(call: LooseCall | null, index: number): WireToolCall | undefined {
  const name = call?.function?.name;
  if (typeof name !== "string" || name === "") return undefined;
  const given = call?.function?.arguments ?? "{}";
  const args = typeof given === "string" ? given : JSON.stringify(given);
  const id = typeof call?.id === "string" && call.id !== "" ? call.id : `call_${index}`;
  return { id, type: "function", function: { name, arguments: args } };
}

/** Content is text, nothing, or parts of which those of type text are the answer. */
function textOf(content: unknown): string | undefined {
  if (content === null || content === undefined) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  return content.map((part) => (part?.type === "text" && typeof part.text === "string" ? part.text : "")).join("");
}

/** Puts the chunks of a stream together. */
export function createAssembler(request: ModelRequest, onText: (delta: string) => void) {
  const choice: Choice = { text: "", toolCalls: [], finish: undefined };
  let usage: CompletionUsage | null | undefined;
  return {
    /** Whether anything of the answer has come. */
    get hasBegun() {
      return choice.text !== "" || choice.toolCalls.length > 0;
    },
    /** False when the chunk is not one of a completion. */
    add(chunk: Partial<ChatCompletionChunk>): boolean {
      usage = chunk.usage ?? usage;
      if (chunk.choices !== undefined && !Array.isArray(chunk.choices)) return false;
      const part = chunk.choices?.[0];
      if (!part) return true;
      choice.finish = part.finish_reason ?? choice.finish;
      const pieces = part.delta?.tool_calls ?? [];
      if (!Array.isArray(pieces)) return false;
      for (const piece of pieces) {
        // Some leave the index out where there is one call.
        const index = piece.index ?? 0;
        if (!Number.isInteger(index) || index < 0 || index >= MAX_TOOL_CALLS) return false;
        const known = choice.toolCalls[index];
        choice.toolCalls[index] = {
          id: known?.id || piece.id || `call_${index}`,
          type: "function",
          function: {
            name: (known?.function.name ?? "") + (piece.function?.name ?? ""),
            arguments: (known?.function.arguments ?? "") + (piece.function?.arguments ?? ""),
          },
        };
      }
      const delta = textOf(part.delta?.content);
      if (delta === undefined) return false;
      if (delta === "") return true;
      choice.text += delta;
      onText(delta);
      return true;
    },
    /** Undefined when the stream ended before the answer did. */
    reply(): ModelReply | undefined {
      return choice.finish ? toReply({ ...choice, toolCalls: choice.toolCalls.flat() }, usage, request) : undefined;
    },
  };
}

function toReply(choice: Choice, usage: CompletionUsage | null | undefined, request: ModelRequest): ModelReply {
  return {
    text: choice.text,
    toolCalls: choice.toolCalls,
    finish: finishOf(choice),
    usage: isTold(usage) ? bucketsOf(usage) : guessUsage(choice, request),
  };
}

/** An endpoint that says nobody read or wrote a token does not count. */
function isTold(usage: CompletionUsage | null | undefined): usage is CompletionUsage {
  return countOf(usage?.prompt_tokens) + countOf(usage?.completion_tokens) + countOf(usage?.total_tokens) > 0;
}

function finishOf({ finish, toolCalls }: Choice): ModelReply["finish"] {
  if (finish === "content_filter" || finish === "length") return finish;
  return toolCalls.length > 0 ? "tool_calls" : "stop";
}

/** Disjoint buckets. Providers count cached tokens within the prompt and reasoning within the completion. */
function bucketsOf(usage: CompletionUsage): TokenUsage {
  const prompt = countOf(usage.prompt_tokens);
  const { prompt_cache_hit_tokens: hit }: CompletionUsage & CacheHits = usage;
  const cacheReadTokens = Math.min(prompt, countOf(usage.prompt_tokens_details?.cached_tokens ?? hit));
  // Some leave thinking out of the completion but not out of the total; the total is what they bill.
  const completion = Math.max(countOf(usage.completion_tokens), countOf(usage.total_tokens) - prompt);
  const reasoningTokens = Math.min(completion, countOf(usage.completion_tokens_details?.reasoning_tokens));
  return {
    uncachedInputTokens: prompt - cacheReadTokens,
    cacheReadTokens,
    cacheWriteTokens: 0,
    outputTokens: completion - reasoningTokens,
    reasoningTokens,
  };
}

/** DeepSeek's word for cached tokens. */
type CacheHits = { prompt_cache_hit_tokens?: number };

/** A figure from another company's server: anything but a count is none. */
function countOf(value: unknown): number {
  return typeof value === "number" && value > 0 && Number.isFinite(value) ? Math.ceil(value) : 0;
}

/** Endpoints that report no usage are not free: what they were sent and sent back is counted here. */
function guessUsage(choice: Choice, request: ModelRequest): TokenUsage {
  return {
    uncachedInputTokens: estimateInputTokens(request),
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: estimateTokens(choice.text + choice.toolCalls.map((call) => call.function.arguments).join("")),
    reasoningTokens: 0,
  };
}
