import {
  ChatFormat,
  ChatFormat_Type,
  ChatMessage_Role,
  ChatToolChoice,
  ChatToolChoice_Mode,
  CompleteChatRequest,
} from "@agentmesh/proto/runner";
import { z } from "zod";
import { checkFree } from "../http/check-json.ts";
import { isFilled } from "./read-agent-chat.ts";
import { readContent } from "./read-content.ts";
import { invalid, malformed, unsupported } from "./refusals.ts";

/** A request for a chat completion by a plain model. */
export type ModelChatRequest = {
  readonly chat: CompleteChatRequest;
  readonly stream: boolean;
  readonly includeUsage: boolean;
};

const call = z.looseObject({
  id: z.string().max(256),
  type: z.literal("function"),
  function: z.looseObject({ name: z.string(), arguments: z.string() }),
});

const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool"]),
  content: z.unknown().optional(),
  tool_calls: z.array(call).max(128).nullish(),
  tool_call_id: z.string().max(256).nullish(),
});

const schema = z.record(z.string(), z.unknown());

const tool = z.looseObject({
  type: z.literal("function"),
  function: z.looseObject({
    name: z.string(),
    description: z.string().nullish(),
    parameters: schema.nullish(),
    strict: z.boolean().nullish(),
  }),
});

const format = z.discriminatedUnion("type", [
  z.looseObject({ type: z.literal("text") }),
  z.looseObject({ type: z.literal("json_object") }),
  z.looseObject({
    type: z.literal("json_schema"),
    json_schema: z.looseObject({ name: z.string(), schema, strict: z.boolean().nullish() }),
  }),
]);

const choice = z.union([
  z.enum(["none", "auto", "required"]),
  z.looseObject({ type: z.literal("function"), function: z.looseObject({ name: z.string() }) }),
]);

const tokens = z.int().min(1).max(1_000_000).nullish();
const penalty = z.number().min(-2).max(2).nullish();

const chat = z.looseObject({
  model: z.string(),
  messages: z.array(message).min(1).max(512),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: choice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  response_format: format.nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  presence_penalty: penalty,
  frequency_penalty: penalty,
  seed: z.int32().nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
  reasoning_effort: z.string().max(32).nullish(),
  max_tokens: tokens,
  max_completion_tokens: tokens,
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});

type Chat = z.infer<typeof chat>;

/** What the mesh does not pass on and would change the answer. */
const REFUSED: readonly (readonly [name: string, isUsed: (value: unknown) => boolean, why: string])[] = [
  ["n", (value) => value !== 1, "a model is asked for one answer; ask again for another"],
  ["functions", isFilled, "declare them as tools"],
  ["logprobs", (value) => value !== false, "the mesh does not give log probabilities"],
  ["audio", () => true, "models answer in text"],
  ["logit_bias", (value) => Object.keys(Object(value)).length > 0, "leave it out"],
];

/** @throws AppError INVALID_ARGUMENT */
export function readModelChat(body: unknown): ModelChatRequest {
  const read = chat.safeParse(body);
  if (!read.success) throw malformed(read.error);
  const asked = read.data;
  for (const [name, isUsed, why] of REFUSED) {
    const value = asked[name];
    if (value !== undefined && value !== null && isUsed(value)) throw unsupported(name, why);
  }
  const { model, messages, tools, tool_choice: chosen, response_format: wanted } = asked;
  return {
    chat: CompleteChatRequest.fromPartial({
      model,
      messages: messages.map(messageOf),
      tools: (tools ?? []).map(({ function: { name, description, parameters, strict } }, index) => {
        if (parameters) checkFree(parameters, `tools[${index}].function.parameters`);
        const declared = { name, description: description ?? "", strict: strict === true };
        return parameters ? { ...declared, parameters } : declared;
      }),
      ...(chosen && { toolChoice: choiceOf(chosen) }),
      ...(wanted && { format: formatOf(wanted) }),
      sampling: samplingOf(asked),
      maxTokens: asked.max_completion_tokens ?? asked.max_tokens ?? 0,
    }),
    stream: asked.stream === true,
    includeUsage: asked.stream_options?.include_usage === true,
  };
}

const ROLES = {
  system: ChatMessage_Role.SYSTEM,
  developer: ChatMessage_Role.SYSTEM,
  user: ChatMessage_Role.USER,
  assistant: ChatMessage_Role.ASSISTANT,
  tool: ChatMessage_Role.TOOL,
} as const;

function messageOf({ role, content, tool_calls: calls, tool_call_id: id }: Chat["messages"][number], index: number) {
  const field = `messages[${index}].content`;
  const { text, parts } = readContent(content, field);
  if (parts.length > 0 && role !== "user") throw invalid(field, "only a user's message holds images and sound");
  return {
    role: ROLES[role],
    text,
    parts,
    toolCallId: id ?? "",
    toolCalls: (calls ?? []).map(({ id: callId, function: called }) => ({
      id: callId,
      name: called.name,
      arguments: called.arguments,
    })),
  };
}

const MODES = {
  none: ChatToolChoice_Mode.NONE,
  auto: ChatToolChoice_Mode.AUTO,
  required: ChatToolChoice_Mode.REQUIRED,
} as const;

function choiceOf(chosen: NonNullable<Chat["tool_choice"]>): ChatToolChoice {
  if (typeof chosen === "string") return ChatToolChoice.fromPartial({ mode: MODES[chosen] });
  return ChatToolChoice.fromPartial({ mode: ChatToolChoice_Mode.TOOL, tool: chosen.function.name });
}

function formatOf(wanted: NonNullable<Chat["response_format"]>): ChatFormat {
  switch (wanted.type) {
    case "text":
      return ChatFormat.fromPartial({});
    case "json_object":
      return ChatFormat.fromPartial({ type: ChatFormat_Type.JSON_OBJECT });
    case "json_schema": {
      const { name, schema: given, strict } = wanted.json_schema;
      checkFree(given, "response_format.json_schema.schema");
      const told = { name, schema: given, strict: strict === true };
      return ChatFormat.fromPartial({ type: ChatFormat_Type.JSON_SCHEMA, ...told });
    }
    default:
      return wanted satisfies never;
  }
}

function samplingOf(asked: Chat) {
  const { stop } = asked;
  return {
    ...definedOf("temperature", asked.temperature),
    ...definedOf("topP", asked.top_p),
    ...definedOf("presencePenalty", asked.presence_penalty),
    ...definedOf("frequencyPenalty", asked.frequency_penalty),
    ...definedOf("seed", asked.seed),
    ...definedOf("parallelToolCalls", asked.parallel_tool_calls),
    stop: typeof stop === "string" ? [stop] : (stop ?? []),
    reasoningEffort: asked.reasoning_effort ?? "",
  };
}

/** Clients send null for what they leave to the provider. */
function definedOf<K extends string, T>(name: K, value: T | null | undefined): { [N in K]?: T } {
  const given: { [N in K]?: T } = {};
  if (value !== null && value !== undefined) given[name] = value;
  return given;
}
