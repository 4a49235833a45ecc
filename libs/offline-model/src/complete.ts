import { createHash } from "node:crypto";
import type { AssistantMessage, ChatCompletion, ChatRequest, FinishReason } from "./chat.ts";
import { chooseTool, type PlannedCall } from "./choose-tool.ts";
import { fillOutput } from "./fill-schema.ts";
import { type Conversation, readRequest } from "./read-request.ts";
import { composeAnswer, composeSummary, wantsSummary } from "./reply.ts";
import { countTokens, firstTokens } from "./tokenizer.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";
import { countPrompt, usageOf } from "./usage.ts";

/** The model's name, also its fingerprint: answers say who gave them whatever name was asked for. */
export const OFFLINE_MODEL = "embedded/lexical-1";

/** 2026-01-01T00:00:00Z. A clock would make equal requests differ. */
const CREATED_S = 1_767_225_600;

type Output = { readonly message: AssistantMessage; readonly finish: FinishReason; readonly tokens: number };

function idOf(request: ChatRequest): string {
  const { stream, stream_options, ...asked } = request;
  return createHash("sha256").update(JSON.stringify(asked)).digest("hex").slice(0, 24);
}

function tokenLimit(request: ChatRequest): number {
  const limit = request.max_completion_tokens ?? request.max_tokens ?? Number.POSITIVE_INFINITY;
  if (!(limit >= 1)) throw new UnsupportedByOfflineModel(`a limit of ${limit} tokens`, "allow at least 1");
  return limit;
}

function toolOutput(call: PlannedCall, id: string, limit: number): Output {
  const nameTokens = countTokens(call.name);
  const argumentTokens = countTokens(call.arguments);
  const isWhole = nameTokens + argumentTokens <= limit;
  const kept = isWhole ? call.arguments : firstTokens(call.arguments, Math.max(0, limit - nameTokens));
  return {
    message: {
      role: "assistant",
      content: null,
      refusal: null,
      tool_calls: [{ id: `call_${id}`, type: "function", function: { name: call.name, arguments: kept } }],
    },
    finish: isWhole ? "tool_calls" : "length",
    tokens: isWhole ? nameTokens + argumentTokens : limit,
  };
}

function cutAtStop(text: string, stop: ChatRequest["stop"]): string {
  const marks = typeof stop === "string" ? [stop] : (stop ?? []);
  const ends = marks.filter((mark) => mark !== "").map((mark) => text.indexOf(mark));
  return text.slice(0, Math.min(text.length, ...ends.filter((end) => end >= 0)));
}

function textOutput(whole: string, request: ChatRequest, limit: number): Output {
  const text = cutAtStop(whole, request.stop);
  const tokens = countTokens(text);
  const isWhole = tokens <= limit;
  return {
    message: { role: "assistant", content: isWhole ? text : firstTokens(text, limit), refusal: null },
    finish: isWhole ? "stop" : "length",
    tokens: isWhole ? tokens : limit,
  };
}

function write(request: ChatRequest, conversation: Conversation): string {
  const format = request.response_format ?? { type: "text" };
  switch (format.type) {
    case "json_schema": {
      const { name, schema } = format.json_schema;
      return JSON.stringify(fillOutput(schema ?? { type: "object" }, name, conversation));
    }
    case "json_object": {
      const { text, citations } = composeAnswer(conversation);
      return JSON.stringify(
        wantsSummary(conversation) ? { summary: composeSummary(conversation) } : { answer: text, citations },
      );
    }
    case "text":
      return wantsSummary(conversation) ? composeSummary(conversation) : composeAnswer(conversation).text;
  }
}

/**
 * Answers a chat.completions request with the embedded lexical reader: the next tool call where one serves, else the
 * output the `response_format` asks for. The same request gives the same bytes. No network, no clock, no state.
 *
 * Throws {@link UnsupportedByOfflineModel}, whose `part` names what it was, for images, audio and files, tools that are
 * not functions, and schemas beyond its bounds.
 */
export function completeOffline(request: ChatRequest): ChatCompletion {
  const limit = tokenLimit(request);
  const conversation = readRequest(request);
  const id = idOf(request);
  const call = chooseTool(request, conversation);
  const output =
    call === undefined ? textOutput(write(request, conversation), request, limit) : toolOutput(call, id, limit);
  return {
    id: `chatcmpl-${id}`,
    object: "chat.completion",
    created: CREATED_S,
    model: OFFLINE_MODEL,
    system_fingerprint: OFFLINE_MODEL,
    choices: [{ index: 0, message: output.message, finish_reason: output.finish, logprobs: null }],
    usage: usageOf(countPrompt(request), output.tokens),
  };
}
