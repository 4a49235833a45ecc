/**
 * The part of OpenAI's chat.completions contract the offline model speaks. Field names are the wire's (snake_case);
 * optional fields also accept null, as real clients send it.
 */

/** A part of a message. Only `text` (and `refusal`, read as text) can be read; others are refused by name. */
export type ContentPart = {
  readonly type: string;
  readonly text?: string | undefined;
  readonly refusal?: string | undefined;
};

export type ToolCall = {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
};

export type ChatMessage = {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  readonly content?: string | readonly ContentPart[] | null | undefined;
  readonly name?: string | undefined;
  readonly tool_calls?: readonly ToolCall[] | null | undefined;
  readonly tool_call_id?: string | undefined;
};

/** `parameters` is a JSON Schema of an object. */
export type FunctionTool = {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description?: string | undefined;
    readonly parameters?: Readonly<Record<string, unknown>> | undefined;
    readonly strict?: boolean | null | undefined;
  };
};

export type ToolChoice =
  | "auto"
  | "none"
  | "required"
  | { readonly type: "function"; readonly function: { readonly name: string } };

export type ResponseFormat =
  | { readonly type: "text" }
  | { readonly type: "json_object" }
  | {
      readonly type: "json_schema";
      readonly json_schema: {
        readonly name: string;
        readonly description?: string | undefined;
        readonly schema?: Readonly<Record<string, unknown>> | undefined;
        readonly strict?: boolean | null | undefined;
      };
    };

export type ChatRequest = {
  /** Any name; the answer always says `embedded/lexical-1`. */
  readonly model?: string | undefined;
  readonly messages: readonly ChatMessage[];
  readonly tools?: readonly FunctionTool[] | null | undefined;
  /** Default: `auto` when tools are given. */
  readonly tool_choice?: ToolChoice | null | undefined;
  /** Default: text. */
  readonly response_format?: ResponseFormat | null | undefined;
  /** Accepted and without effect: the model is deterministic. */
  readonly temperature?: number | null | undefined;
  /** Accepted; changes the answer's id only. */
  readonly seed?: number | null | undefined;
  /** Upper bound of completion tokens; the older name of `max_completion_tokens`. */
  readonly max_tokens?: number | null | undefined;
  readonly max_completion_tokens?: number | null | undefined;
  readonly stop?: string | readonly string[] | null | undefined;
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | undefined } | null | undefined;
};

export type FinishReason = "stop" | "length" | "tool_calls";

export type Usage = {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
};

export type AssistantMessage = {
  readonly role: "assistant";
  readonly content: string | null;
  readonly refusal: null;
  readonly tool_calls?: ToolCall[];
};

export type ChatCompletion = {
  readonly id: string;
  readonly object: "chat.completion";
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  readonly choices: {
    readonly index: number;
    readonly message: AssistantMessage;
    readonly finish_reason: FinishReason;
    readonly logprobs: null;
  }[];
  readonly usage: Usage;
};

export type ToolCallDelta = {
  readonly index: number;
  readonly id?: string;
  readonly type?: "function";
  readonly function: { readonly name?: string; readonly arguments: string };
};

export type ChunkDelta = {
  readonly role?: "assistant";
  readonly content?: string;
  readonly tool_calls?: ToolCallDelta[];
};

export type ChatCompletionChunk = {
  readonly id: string;
  readonly object: "chat.completion.chunk";
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  readonly choices: {
    readonly index: number;
    readonly delta: ChunkDelta;
    readonly finish_reason: FinishReason | null;
    readonly logprobs: null;
  }[];
  /** Present when `stream_options.include_usage`: null on every chunk but the last, whose `choices` is empty. */
  readonly usage?: Usage | null;
};
