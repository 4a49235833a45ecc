import { newId } from "@agentmesh/ids";
import { RunAgentRequest, Utterance_Speaker } from "@agentmesh/proto/runner";
import { z } from "zod";
import { agentOf, isFilled, SPEAKERS, typeOf } from "./read-agent-chat.ts";
import { readContent } from "./read-content.ts";
import { readMetadata } from "./read-metadata.ts";
import { invalid, malformed, unsupported } from "./refusals.ts";
import { readResponseId } from "./response-id.ts";

/** A request for a response, as far as an agent can give it. */
export type ResponseRequest = {
  readonly run: RunAgentRequest;
  /** As the caller wrote it. */
  readonly model: string;
  readonly stream: boolean;
  readonly instructions: string | null;
  readonly previousResponseId: string | null;
  readonly metadata: Readonly<Record<string, string>>;
};

const item = z.looseObject({
  type: z.string().optional(),
  role: z.enum(["system", "developer", "user", "assistant"]).optional(),
  content: z.unknown().optional(),
});

const body = z.looseObject({
  model: z.string(),
  input: z.union([z.string(), z.array(item).min(1).max(201)]),
  instructions: z.string().nullish(),
  previous_response_id: z.string().nullish(),
  conversation: z.union([z.string(), z.looseObject({ id: z.string() })]).nullish(),
  store: z.boolean().nullish(),
  stream: z.boolean().nullish(),
  background: z.boolean().nullish(),
  metadata: z.unknown().optional(),
});

type Item = z.infer<typeof item>;
type Asked = z.infer<typeof body>;

/** What would make another answer of it than the caller thinks. Settings of sampling are the agent's own and ignored. */
const REFUSED: readonly (readonly [name: string, isUsed: (value: unknown) => boolean, why: string])[] = [
  ["tools", isFilled, "an agent brings its own tools; declare them as Tool resources"],
  ["prompt", () => true, "declare what it says as an Agent's instructions"],
  ["text", hasFormat, "an agent's output schema is its own: spec.output"],
  ["top_logprobs", (value) => value !== 0, "the mesh does not give log probabilities"],
];

/** @throws AppError INVALID_ARGUMENT, NOT_FOUND (a model that is no agent) */
export function readResponse(given: unknown): ResponseRequest {
  const read = body.safeParse(given);
  if (!read.success) throw malformed(read.error);
  const asked = read.data;
  for (const [name, isUsed, why] of REFUSED) {
    const value = asked[name];
    if (value !== undefined && value !== null && isUsed(value)) throw unsupported(name, why);
  }
  const isStream = asked.stream === true;
  const isBackground = asked.background === true;
  if (isStream && isBackground) throw unsupported("background", "a stream is watched; leave one of the two out");
  const { text, parts, history } = inputOf(asked);
  const metadata = readMetadata(asked.metadata);
  return {
    run: RunAgentRequest.fromPartial({
      agent: agentOf(asked.model),
      text,
      parts,
      history,
      labels: metadata,
      ...sessionOf(asked),
      detached: isBackground,
      // Nobody can resume a stream of this protocol.
      cancelOnDisconnect: isStream,
    }),
    model: asked.model,
    stream: isStream,
    instructions: asked.instructions ?? null,
    previousResponseId: asked.previous_response_id ?? null,
    metadata,
  };
}

function inputOf({ input, instructions }: Asked) {
  const told = instructions ? [{ speaker: Utterance_Speaker.SYSTEM, text: instructions }] : [];
  if (typeof input === "string") {
    if (input === "") throw invalid("input", "is empty; say what the agent is asked");
    return { text: input, parts: [], history: told };
  }
  const last = input.at(-1);
  const at = input.length - 1;
  if (!last || !isMessage(last) || last.role !== "user") {
    throw invalid("input", "the last item must be the user's message; an agent answers what it is asked");
  }
  const { text, parts } = readContent(last.content, `input[${at}].content`);
  return { text, parts, history: [...told, ...input.slice(0, at).map(utteranceOf)] };
}

function utteranceOf(one: Item, index: number) {
  if (!isMessage(one) || one.role === undefined) {
    throw invalid(`input[${index}]`, "an agent reads messages and calls its tools itself; send only what was said");
  }
  const { text, parts } = readContent(one.content, `input[${index}].content`);
  if (parts.length > 0) throw invalid(`input[${index}].content`, "images and sound belong to the last message");
  return { speaker: SPEAKERS[one.role], text };
}

function isMessage({ type }: Item): boolean {
  return type === undefined || type === "message";
}

function hasFormat(text: unknown): boolean {
  const format: unknown = Reflect.get(Object(text), "format");
  return format !== undefined && format !== null && typeOf(format) !== "text";
}

/**
 * A response is kept, unless the caller does not want it, as a turn of a session: the one of the response before, the
 * conversation that is named, or a new one, where the agent keeps sessions at all.
 */
function sessionOf({ previous_response_id: previous, conversation, store }: Asked): Partial<RunAgentRequest> {
  if (previous && conversation) throw invalid("conversation", "give it or previous_response_id, not both");
  if (previous) {
    const { runId, session } = readResponseId(previous, "previous_response_id");
    if (session !== "") return { session, afterRun: runId };
    throw invalid(
      "previous_response_id",
      "that response was not kept: its agent keeps no sessions, or it was asked with store: false; send what was said as input",
    );
  }
  if (conversation) return { session: typeof conversation === "string" ? conversation : conversation.id };
  return store === false ? {} : { session: newId(), sessionIfKept: true };
}
