import { AppError } from "@agentmesh/errors";
import {
  type ChatFormat,
  ChatFormat_Type,
  ChatMessage_Role,
  type ChatSampling,
  type ChatToolChoice,
  ChatToolChoice_Mode,
  type ChatMessage as ChatWireMessage,
  type CompleteChatRequest,
} from "@agentmesh/proto/runner";
import type { MediaPart } from "../domain/media.ts";
import type { ChatMessage, ContentPart, ModelRequest, WireSettings } from "../domain/model.ts";
import { readParts } from "./read-parts.ts";

const MAX_MESSAGES = 512;
const MAX_CHARS = 1024 * 1024;
const MAX_TOOLS = 128;
const MAX_TOKENS = 1_000_000;
const DEFAULT_TOKENS = 2_048;
const MAX_FALLBACKS = 5;
const MAX_STOPS = 4;
const TOOL_NAME = /^[\w-]{1,64}$/;

export type ChatAsked = {
  /** The one to ask, then those to fall back to. */
  readonly models: readonly string[];
  readonly request: ModelRequest;
  readonly media: readonly MediaPart[];
};

/** A plain chat as a model reads it. @throws AppError INVALID_ARGUMENT naming the field */
export function readChat(chat: CompleteChatRequest): ChatAsked {
  const { messages, tools, format, maxTokens, fallbacks } = chat;
  if (messages.length < 1 || messages.length > MAX_MESSAGES) {
    throw wrong(`${messages.length} messages; give 1 to ${MAX_MESSAGES}`, "messages");
  }
  const chars = messages.reduce((sum, { text, toolCalls }) => sum + text.length + JSON.stringify(toolCalls).length, 0);
  if (chars > MAX_CHARS) throw wrong(`${chars} characters of messages; at most ${MAX_CHARS}`, "messages", "TOO_LARGE");
  if (tools.length > MAX_TOOLS) throw wrong(`${tools.length} tools; at most ${MAX_TOOLS}`, "tools");
  if (maxTokens > MAX_TOKENS) throw wrong(`max_tokens ${maxTokens}; at most ${MAX_TOKENS}`, "max_tokens");
  if (fallbacks.length > MAX_FALLBACKS) {
    throw wrong(`${fallbacks.length} fallbacks; at most ${MAX_FALLBACKS}`, "fallbacks");
  }
  const media: MediaPart[] = [];
  const settings = settingsOf(chat, tools.length);
  return {
    models: [chat.model, ...fallbacks],
    media,
    request: {
      messages: messages.map((message, index) => messageOf(message, index, media)),
      tools: tools.map(({ name, description, parameters, strict }, index) => {
        if (!TOOL_NAME.test(name)) throw wrong("a tool's name has 1 to 64 letters, digits, _ or -", `tools[${index}]`);
        const declared = { name, description, parameters: parameters ?? { type: "object" } };
        return { type: "function", function: strict ? { ...declared, strict } : declared };
      }),
      output: format?.type === ChatFormat_Type.JSON_SCHEMA ? outputOf(format) : undefined,
      temperature: chat.sampling?.temperature,
      maxTokens: maxTokens || DEFAULT_TOKENS,
      ...(settings && { settings }),
    },
  };
}

function messageOf(message: ChatWireMessage, index: number, media: MediaPart[]): ChatMessage {
  const { role, text, parts, toolCalls, toolCallId } = message;
  const field = `messages[${index}]`;
  if (parts.length > 0 && role !== ChatMessage_Role.USER) throw wrong("only a user's message has parts", field);
  switch (role) {
    case ChatMessage_Role.SYSTEM:
      return { role: "system", content: text };
    case ChatMessage_Role.USER: {
      if (parts.length === 0) return { role: "user", content: text };
      const read = readParts(parts);
      media.push(...read.media);
      const whole = [text, read.text].filter(Boolean).join("\n\n");
      const told: ContentPart[] = whole === "" ? [] : [{ type: "text", text: whole }];
      return { role: "user", content: [...told, ...read.media] };
    }
    case ChatMessage_Role.ASSISTANT: {
      if (toolCalls.length === 0) return { role: "assistant", content: text };
      const calls = toolCalls.map(({ id, name, arguments: args }) => ({
        id,
        type: "function" as const,
        function: { name, arguments: args },
      }));
      return { role: "assistant", content: text || null, tool_calls: calls };
    }
    case ChatMessage_Role.TOOL:
      if (toolCallId === "") throw wrong("a tool's message names the call it answers", `${field}.tool_call_id`);
      return { role: "tool", tool_call_id: toolCallId, content: text };
    case ChatMessage_Role.UNSPECIFIED:
    case ChatMessage_Role.UNRECOGNIZED:
      throw wrong("role is not said; it is ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT or ROLE_TOOL", `${field}.role`);
    default:
      return role satisfies never;
  }
}

function outputOf({ name, schema, strict }: ChatFormat): NonNullable<ModelRequest["output"]> {
  if (!schema) throw wrong("a format of TYPE_JSON_SCHEMA has a schema", "format.schema");
  return { name: TOOL_NAME.test(name) ? name : "answer", schema, ...(strict && { strict }) };
}

function settingsOf({ sampling, toolChoice, format }: CompleteChatRequest, tools: number): WireSettings | undefined {
  const choice = toolChoice && choiceOf(toolChoice, tools);
  const settings: WireSettings = {
    ...(choice && { tool_choice: choice }),
    ...(format?.type === ChatFormat_Type.JSON_OBJECT && { response_format: { type: "json_object" } }),
    ...(sampling && samplingOf(sampling)),
  };
  return Object.keys(settings).length > 0 ? settings : undefined;
}

function samplingOf(sampling: ChatSampling): WireSettings {
  const { topP, presencePenalty, frequencyPenalty, seed, stop, parallelToolCalls, reasoningEffort } = sampling;
  if (stop.length > MAX_STOPS) throw wrong(`${stop.length} stops; at most ${MAX_STOPS}`, "sampling.stop");
  return {
    ...(topP !== undefined && { top_p: topP }),
    ...(presencePenalty !== undefined && { presence_penalty: presencePenalty }),
    ...(frequencyPenalty !== undefined && { frequency_penalty: frequencyPenalty }),
    ...(seed !== undefined && { seed }),
    ...(stop.length > 0 && { stop: [...stop] }),
    ...(parallelToolCalls !== undefined && { parallel_tool_calls: parallelToolCalls }),
    ...(reasoningEffort !== "" && { reasoning_effort: reasoningEffort }),
  };
}

function choiceOf({ mode, tool }: ChatToolChoice, tools: number): WireSettings["tool_choice"] {
  if (mode !== ChatToolChoice_Mode.NONE && mode !== ChatToolChoice_Mode.UNSPECIFIED && tools === 0) {
    throw wrong("a choice among no tools; give tools or leave it out", "tool_choice");
  }
  switch (mode) {
    case ChatToolChoice_Mode.NONE:
      return "none";
    case ChatToolChoice_Mode.REQUIRED:
      return "required";
    case ChatToolChoice_Mode.TOOL:
      return { type: "function", function: { name: tool } };
    default:
      return "auto";
  }
}

function wrong(message: string, field: string, reason = "BAD_CHAT"): AppError {
  return new AppError("INVALID_ARGUMENT", `${field}: ${message}`, { reason, field });
}
