import { AppError } from "@agentmesh/errors";
import {
  type ChatRequest,
  completeOffline,
  OFFLINE_MODEL,
  streamOffline,
  UnsupportedByOfflineModel,
} from "@agentmesh/offline-model";
import type { ModelReply, ModelRequest } from "../domain/model.ts";
import type { Provider } from "./provider.ts";

/** Its provider and its model, as they stand in prices and runs. */
export const [EMBEDDED_PROVIDER = "embedded", EMBEDDED_MODEL = "lexical-1"] = OFFLINE_MODEL.split("/");

const ABILITIES = {
  structured: "json_schema",
  maxTokens: "max_completion_tokens",
  tools: true,
  vision: false,
  audio: false,
  streamUsage: true,
} as const;

/** The model inside this process: no key, no network, the same answer to the same request. */
export function embeddedProvider(): Provider {
  return {
    name: EMBEDDED_PROVIDER,
    async complete(_model, request, { signal, onText }) {
      signal.throwIfAborted();
      try {
        const reply = readCompletion(toChat(request));
        if (onText && reply.text) for (const piece of piecesOf(toChat(request))) onText(piece);
        return reply;
      } catch (cause) {
        if (!(cause instanceof UnsupportedByOfflineModel)) throw cause;
        throw new AppError("INVALID_ARGUMENT", cause.message, { reason: "UNSUPPORTED_BY_MODEL", cause });
      }
    },
    abilitiesOf: () => ABILITIES,
    async probe() {},
    async [Symbol.asyncDispose]() {},
  };
}

function toChat(request: ModelRequest): ChatRequest {
  const { tool_choice, response_format, stop, seed } = request.settings ?? {};
  return {
    messages: request.messages,
    ...(request.temperature !== undefined && { temperature: request.temperature }),
    max_completion_tokens: request.maxTokens,
    ...(request.tools.length > 0 && { tools: request.tools }),
    ...(tool_choice && request.tools.length > 0 && { tool_choice }),
    ...(response_format && { response_format }),
    ...(stop && { stop }),
    ...(seed !== undefined && { seed }),
    ...(request.output && {
      response_format: {
        type: "json_schema",
        json_schema: { name: request.output.name, schema: request.output.schema },
      },
    }),
  };
}

function readCompletion(request: ChatRequest): ModelReply {
  const { choices, usage } = completeOffline(request);
  const [choice] = choices;
  if (!choice) throw new AppError("INTERNAL", `${OFFLINE_MODEL} answered without a choice`);
  return {
    text: choice.message.content ?? "",
    toolCalls: choice.message.tool_calls ?? [],
    finish: choice.finish_reason,
    usage: {
      uncachedInputTokens: usage.prompt_tokens,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: usage.completion_tokens,
      reasoningTokens: 0,
    },
  };
}

function* piecesOf(request: ChatRequest): Generator<string> {
  for (const { choices } of streamOffline(request)) {
    const piece = choices[0]?.delta.content;
    if (piece) yield piece;
  }
}
