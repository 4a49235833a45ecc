import type { CompleteChatRequest } from "@agentmesh/proto/runner";
import { z } from "zod";
import { isFilled } from "./read-agent-chat.ts";
import { readMetadata } from "./read-metadata.ts";
import { readModelChat } from "./read-model-chat.ts";
import { invalid, malformed, unsupported } from "./refusals.ts";

/** A request for a response by a plain model. */
export type ModelResponseRequest = {
  readonly chat: CompleteChatRequest;
  readonly stream: boolean;
  readonly words: ModelResponseWords;
};

/** What a response repeats of its request. */
export type ModelResponseWords = {
  readonly instructions: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly temperature: number | null;
  readonly top_p: number | null;
  readonly max_output_tokens: number | null;
  readonly parallel_tool_calls: boolean;
  readonly tool_choice: unknown;
  readonly tools: readonly unknown[];
  readonly text: unknown;
};

const said = z.looseObject({
  type: z.literal("message").optional(),
  role: z.enum(["system", "developer", "user", "assistant"]),
  content: z.unknown().optional(),
});
const called = z.looseObject({
  type: z.literal("function_call"),
  call_id: z.string().max(256),
  name: z.string(),
  arguments: z.string(),
});
const answered = z.looseObject({
  type: z.literal("function_call_output"),
  call_id: z.string().max(256),
  output: z.string(),
});
// Thoughts that a client sends back; they are the provider's own and stay there.
const thought = z.looseObject({ type: z.literal("reasoning") });

const item = z.union([called, answered, thought, said]);
const tool = z.looseObject({ type: z.literal("function"), name: z.string() });
const choice = z.union([z.string(), z.looseObject({ type: z.literal("function"), name: z.string() })]);

const body = z.looseObject({
  model: z.string(),
  input: z.union([z.string().min(1), z.array(item).min(1).max(511)]),
  instructions: z.string().nullish(),
  tools: z.array(tool).max(128).nullish(),
  tool_choice: choice.nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  text: z.looseObject({ format: z.looseObject({ type: z.string() }).optional() }).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  max_output_tokens: z.int().min(1).max(1_000_000).nullish(),
  reasoning: z.looseObject({ effort: z.string().nullish() }).nullish(),
  stream: z.boolean().nullish(),
  metadata: z.unknown().optional(),
});

type Asked = z.infer<typeof body>;
type Item = z.infer<typeof item>;

/** What a plain model does not do: it keeps nothing, and works while it is waited for. */
const REFUSED: readonly (readonly [name: string, isUsed: (value: unknown) => boolean, why: string])[] = [
  [
    "previous_response_id",
    () => true,
    "a plain model keeps no responses; send what was said as input, or ask an agent",
  ],
  ["conversation", () => true, "a plain model keeps no conversations; send what was said as input, or ask an agent"],
  ["store", (value) => value === true, "a plain model keeps no responses; leave it out, or ask an agent"],
  ["background", (value) => value === true, "a plain model is waited for; ask an agent"],
  ["prompt", () => true, "send its text as instructions"],
  ["top_logprobs", (value) => value !== 0, "the mesh does not give log probabilities"],
  ["include", isFilled, "there is nothing more to tell"],
];

/** @throws AppError INVALID_ARGUMENT */
export function readModelResponse(given: unknown): ModelResponseRequest {
  const read = body.safeParse(given);
  if (!read.success) throw malformed(read.error);
  const asked = read.data;
  for (const [name, isUsed, why] of REFUSED) {
    const value = asked[name];
    if (value !== undefined && value !== null && isUsed(value)) throw unsupported(name, why);
  }
  const { chat } = readModelChat(chatOf(asked));
  return { chat, stream: asked.stream === true, words: wordsOf(asked) };
}

/** The same in the words of chat completions, which are held to the same bounds. */
function chatOf(asked: Asked): object {
  const { tools, tool_choice: chosen, text, reasoning } = asked;
  return {
    model: asked.model,
    messages: messagesOf(asked),
    tools: tools?.map(({ type, ...declared }) => ({ type, function: declared })),
    tool_choice: typeof chosen === "object" && chosen ? { type: chosen.type, function: { name: chosen.name } } : chosen,
    parallel_tool_calls: asked.parallel_tool_calls,
    response_format: formatOf(text?.format),
    temperature: asked.temperature,
    top_p: asked.top_p,
    max_completion_tokens: asked.max_output_tokens,
    reasoning_effort: reasoning?.effort,
  };
}

function formatOf(format: { readonly type: string } | undefined): object | undefined {
  if (format?.type !== "json_schema") return format;
  const { type, ...schema } = format;
  return { type, json_schema: schema };
}

type Message = { readonly role: string; content?: unknown; tool_call_id?: string; tool_calls?: object[] };

function messagesOf({ input, instructions }: Asked): Message[] {
  const messages: Message[] = instructions ? [{ role: "system", content: instructions }] : [];
  const items: readonly Item[] = typeof input === "string" ? [{ role: "user", content: input }] : input;
  for (const one of items) add(messages, one);
  if (messages.every(({ role }) => role === "system")) throw invalid("input", "says nothing to answer");
  return messages;
}

/** Calls that stand side by side are those of one message, together with the text before them. */
function add(messages: Message[], one: Item): void {
  if (one.type === "reasoning") return;
  if (one.type === "function_call_output") {
    messages.push({ role: "tool", tool_call_id: one.call_id, content: one.output });
  } else if (one.type === "function_call") {
    const last = messages.at(-1);
    const owner: Message = last?.role === "assistant" ? last : { role: "assistant", content: "" };
    if (owner !== last) messages.push(owner);
    const call = { id: one.call_id, type: "function", function: { name: one.name, arguments: one.arguments } };
    owner.tool_calls = [...(owner.tool_calls ?? []), call];
  } else messages.push({ role: String(one.role), content: one.content });
}

function wordsOf(asked: Asked): ModelResponseWords {
  return {
    instructions: asked.instructions ?? null,
    metadata: readMetadata(asked.metadata),
    temperature: asked.temperature ?? null,
    top_p: asked.top_p ?? null,
    max_output_tokens: asked.max_output_tokens ?? null,
    parallel_tool_calls: asked.parallel_tool_calls ?? true,
    tool_choice: asked.tool_choice ?? "auto",
    tools: asked.tools ?? [],
    text: asked.text ?? { format: { type: "text" } },
  };
}
