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
import type { Preset } from "./presets.ts";

/** The body of a request in the words of chat.completions. */
export function toWire(
  preset: Preset,
  model: string,
  request: ModelRequest,
  stream: boolean,
): ChatCompletionCreateParams {
  const { output, tools } = request;
  const base: ChatCompletionCreateParams = {
    model,
    messages: messagesFor(preset, request),
    temperature: request.temperature,
    [preset.maxTokensField]: request.maxTokens,
    ...(tools.length > 0 && { tools: tools.map((tool) => ({ ...tool, function: { ...tool.function } })) }),
    ...(output && formatOf(preset, output)),
  };
  return stream ? { ...base, stream: true, stream_options: { include_usage: true } } : base;
}

function messagesFor(preset: Preset, request: ModelRequest): ChatCompletionCreateParams["messages"] {
  const { messages, output } = request;
  if (!output || preset.structured === "json_schema") return [...messages];
  const wish = `Answer with nothing but JSON that satisfies this JSON Schema: ${JSON.stringify(output.schema)}`;
  return messages.map((message, index) =>
    index === 0 && message.role === "system" ? { ...message, content: `${message.content}\n\n${wish}` } : message,
  );
}

function formatOf(
  preset: Preset,
  output: NonNullable<ModelRequest["output"]>,
): Pick<ChatCompletionCreateParams, "response_format"> {
  switch (preset.structured) {
    case "json_schema":
      return {
        response_format: { type: "json_schema", json_schema: { name: output.name, schema: { ...output.schema } } },
      };
    case "json_object":
      return { response_format: { type: "json_object" } };
    case "none":
      return {};
    default:
      return preset.structured satisfies never;
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
  const choice = completion.choices?.[0];
  if (!choice?.message) return undefined;
  const calls = choice.message.tool_calls ?? [];
  const toolCalls = calls.flatMap((call): WireToolCall[] =>
    call.type === "function" ? [{ id: call.id, type: "function", function: { ...call.function } }] : [],
  );
  const text = choice.message.content ?? "";
  return toReply({ text, toolCalls, finish: choice.finish_reason }, completion.usage, request);
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
    get text() {
      return choice.text;
    },
    add(chunk: Partial<ChatCompletionChunk>): void {
      usage = chunk.usage ?? usage;
      const part = chunk.choices?.[0];
      if (!part) return;
      choice.finish = part.finish_reason ?? choice.finish;
      for (const piece of part.delta?.tool_calls ?? []) {
        const known = choice.toolCalls[piece.index];
        choice.toolCalls[piece.index] = {
          id: known?.id || piece.id || `call_${piece.index}`,
          type: "function",
          function: {
            name: (known?.function.name ?? "") + (piece.function?.name ?? ""),
            arguments: (known?.function.arguments ?? "") + (piece.function?.arguments ?? ""),
          },
        };
      }
      const delta = part.delta?.content;
      if (!delta) return;
      choice.text += delta;
      onText(delta);
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
    usage: usage ? bucketsOf(usage) : guessUsage(choice, request),
  };
}

function finishOf({ finish, toolCalls }: Choice): ModelReply["finish"] {
  if (finish === "content_filter" || finish === "length") return finish;
  return toolCalls.length > 0 ? "tool_calls" : "stop";
}

/** Disjoint buckets. Providers count cached tokens within the prompt and reasoning within the completion. */
function bucketsOf(usage: CompletionUsage): TokenUsage {
  const prompt = usage.prompt_tokens ?? 0;
  const cacheReadTokens = Math.min(prompt, usage.prompt_tokens_details?.cached_tokens ?? 0);
  // Some leave thinking out of the completion but not out of the total; the total is what they bill.
  const completion = Math.max(usage.completion_tokens ?? 0, (usage.total_tokens ?? 0) - prompt);
  const reasoningTokens = Math.min(completion, usage.completion_tokens_details?.reasoning_tokens ?? 0);
  return {
    uncachedInputTokens: prompt - cacheReadTokens,
    cacheReadTokens,
    cacheWriteTokens: 0,
    outputTokens: completion - reasoningTokens,
    reasoningTokens,
  };
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
