import type { JsonSchema } from "./json-schema.ts";

/** Messages and tools in the words of chat.completions, which every provider here speaks. */
export type WireToolCall = {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
};

export type ChatMessage =
  | { readonly role: "system" | "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string | null; readonly tool_calls?: WireToolCall[] }
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string };

export type ToolDeclaration = {
  readonly type: "function";
  readonly function: { readonly name: string; readonly description: string; readonly parameters: JsonSchema };
};

export type ModelRequest = {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ToolDeclaration[];
  readonly output: { readonly name: string; readonly schema: JsonSchema } | undefined;
  readonly temperature: number;
  readonly maxTokens: number;
};

/** Disjoint buckets; their sum is the provider's total. */
export type TokenUsage = {
  readonly uncachedInputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
};

export type ModelReply = {
  readonly text: string;
  readonly toolCalls: readonly WireToolCall[];
  readonly finish: "stop" | "length" | "tool_calls" | "content_filter";
  readonly usage: TokenUsage;
};

export const NO_TOKENS: TokenUsage = {
  uncachedInputTokens: 0,
  cacheReadTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

// Tokens are 3 to 4 bytes in most languages; the lower figure keeps a reservation on the safe side.
const BYTES_PER_TOKEN = 3;

export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);
}

/** What a request will count as input, about; for reserving money before the provider says. */
export function estimateInputTokens(request: ModelRequest): number {
  const declared = request.tools.length > 0 ? JSON.stringify(request.tools) : "";
  const schema = request.output ? JSON.stringify(request.output.schema) : "";
  return estimateTokens(JSON.stringify(request.messages) + declared + schema);
}
