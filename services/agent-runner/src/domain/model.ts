import type { JsonSchema } from "./json-schema.ts";

/** Messages and tools in the words of chat.completions, which every provider here speaks. */
export type WireToolCall = {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
};

/** A piece of an input: text, a picture (a data: or https URL), or sound (base64). */
export type ContentPart =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image_url"; readonly image_url: { readonly url: string } }
  | { readonly type: "input_audio"; readonly input_audio: { readonly data: string; readonly format: "wav" | "mp3" } };

export type ChatMessage =
  | { readonly role: "system"; readonly content: string }
  | { readonly role: "user"; readonly content: string | ContentPart[] }
  | { readonly role: "assistant"; readonly content: string | null; readonly tool_calls?: WireToolCall[] }
  | { readonly role: "tool"; readonly tool_call_id: string; readonly content: string };

export type ToolDeclaration = {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: JsonSchema;
    readonly strict?: boolean;
  };
};

export type ModelRequest = {
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly ToolDeclaration[];
  readonly output: { readonly name: string; readonly schema: JsonSchema; readonly strict?: boolean } | undefined;
  /** Undefined: the provider's own. */
  readonly temperature: number | undefined;
  readonly maxTokens: number;
  /** Of a plain chat: what else its caller asks, in the words of the wire. */
  readonly settings?: WireSettings;
};

/** What agents leave to the provider. */
export type WireSettings = {
  readonly tool_choice?:
    | "auto"
    | "none"
    | "required"
    | { readonly type: "function"; readonly function: { readonly name: string } };
  readonly response_format?: { readonly type: "json_object" };
  readonly top_p?: number;
  readonly presence_penalty?: number;
  readonly frequency_penalty?: number;
  readonly seed?: number;
  readonly stop?: string[];
  readonly parallel_tool_calls?: boolean;
  readonly reasoning_effort?: string;
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
  return request.messages.reduce((sum, message) => sum + estimateMessage(message), estimateTokens(declared + schema));
}

// A picture in full detail is 765 to 1 500 tokens with the providers that say so; sound is ten tokens a second, which
// at the lowest usual rate of 32 kbit/s are 400 bytes each.
const TOKENS_PER_IMAGE = 1_500;
const BASE64_CHARS_PER_AUDIO_TOKEN = 533;

function estimateMessage(message: ChatMessage): number {
  if (typeof message.content === "string" || message.content === null) return estimateTokens(JSON.stringify(message));
  return message.content.reduce((sum, part) => {
    if (part.type === "text") return sum + estimateTokens(part.text);
    if (part.type === "image_url") return sum + TOKENS_PER_IMAGE;
    return sum + Math.ceil(part.input_audio.data.length / BASE64_CHARS_PER_AUDIO_TOKEN);
  }, 0);
}
