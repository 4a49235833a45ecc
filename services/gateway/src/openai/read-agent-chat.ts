import { RunAgentRequest, Utterance_Speaker } from "@agentmesh/proto/runner";
import { z } from "zod";
import { readContent } from "./read-content.ts";
import { readMetadata } from "./read-metadata.ts";
import { invalid, malformed, noModel, unsupported } from "./refusals.ts";

/** A request for a chat completion, as far as an agent can serve it. */
export type ChatRequest = {
  readonly run: RunAgentRequest;
  /** As the caller wrote it. */
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
};

const message = z.looseObject({
  role: z.enum(["system", "developer", "user", "assistant", "tool", "function"]),
  content: z.unknown().optional(),
  tool_calls: z.array(z.unknown()).nullish(),
});

const chat = z.looseObject({
  model: z.string(),
  messages: z.array(message).min(1).max(201),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  metadata: z.unknown().optional(),
});

type Message = z.infer<typeof message>;

/** What would make another answer of it than the caller thinks. Settings of sampling are the agent's own and ignored. */
const REFUSED: readonly (readonly [name: string, isUsed: (value: unknown) => boolean, why: string])[] = [
  ["n", (value) => value !== 1, "an agent answers once; ask again for another answer"],
  ["tools", isFilled, "an agent brings its own tools; declare them as Tool resources"],
  ["functions", isFilled, "an agent brings its own tools; declare them as Tool resources"],
  ["stop", () => true, "an agent's answer is not cut; leave it out"],
  ["logprobs", (value) => value !== false, "the mesh does not give log probabilities"],
  ["audio", () => true, "agents answer in text"],
  ["response_format", (value) => typeOf(value) === "json_schema", "an agent's output schema is its own: spec.output"],
];

/** A chat with an agent. @throws AppError INVALID_ARGUMENT, NOT_FOUND (a model that is no agent) */
export function readAgentChat(body: unknown): ChatRequest {
  const read = chat.safeParse(body);
  if (!read.success) throw malformed(read.error);
  const { model, messages, stream, stream_options: options } = read.data;
  for (const [name, isUsed, why] of REFUSED) {
    const value = read.data[name];
    if (value !== undefined && value !== null && isUsed(value)) throw unsupported(name, why);
  }
  const last = messages.at(-1);
  if (last?.role !== "user") {
    throw invalid("messages", "the last message must be the user's; an agent answers what it is asked");
  }
  const at = messages.length - 1;
  const { text, parts } = readContent(last.content, `messages[${at}].content`);
  const isStream = stream === true;
  return {
    run: RunAgentRequest.fromPartial({
      agent: agentOf(model),
      text,
      parts,
      history: messages.slice(0, at).map(utteranceOf),
      labels: readMetadata(read.data.metadata),
      // Nobody can resume a stream of this protocol.
      cancelOnDisconnect: isStream,
    }),
    model,
    stream: isStream,
    includeUsage: options?.include_usage === true,
  };
}

/** `agent:classifier` of the model's name. @throws AppError NOT_FOUND */
export function agentOf(model: string): string {
  const name = /^agent:([a-z0-9][a-z0-9_-]{0,62})$/.exec(model)?.[1];
  if (name !== undefined) return name;
  throw noModel(model);
}

export const SPEAKERS = {
  system: Utterance_Speaker.SYSTEM,
  developer: Utterance_Speaker.SYSTEM,
  user: Utterance_Speaker.USER,
  assistant: Utterance_Speaker.ASSISTANT,
} as const;

function utteranceOf({ role, content, tool_calls: calls }: Message, index: number) {
  if (role === "tool" || role === "function" || isFilled(calls)) {
    throw invalid(`messages[${index}]`, "an agent calls its tools itself; send only what was said");
  }
  const { text, parts } = readContent(content, `messages[${index}].content`);
  if (parts.length > 0) {
    throw invalid(`messages[${index}].content`, "images and sound belong to the last message; leave earlier ones out");
  }
  return { speaker: SPEAKERS[role], text };
}

export function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

export function typeOf(value: unknown): unknown {
  return value !== null && typeof value === "object" && "type" in value ? value.type : undefined;
}
