import { ChatCompletion, ChatEvent, type ChatToolCall } from "@agentmesh/proto/runner";
import type { Rendering } from "../http/rendering.ts";
import { secondsOf } from "./chat-shape.ts";
import { openAiErrors } from "./errors.ts";
import type { ModelResponseRequest, ModelResponseWords } from "./read-model-response.ts";
import { eventErrors } from "./response-rendering.ts";
import { messageOf, textPart } from "./response-shape.ts";
import { streamFrames } from "./stream-frames.ts";
import { responseUsage } from "./usage.ts";

/** A plain model's answer as a response, or its events as those of one. */
export function modelResponseRendering({ words }: ModelResponseRequest): Rendering {
  return {
    async reply(response, reply, signal) {
      if (reply.kind === "stream") return streamFrames(response, eventsOf(reply.frames, words), signal, "");
      const completion = ChatCompletion.fromPartial(Object(reply.body.message));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(responseOf(completion, words, outputOf(completion))));
    },
    errorBody: openAiErrors.errorBody,
    errorFrame: eventErrors.errorFrame,
  };
}

// Why an answer that is not whole ends; all other ends are those of a whole one.
const CUT: ReadonlyMap<string, string> = new Map([
  ["length", "max_output_tokens"],
  ["content_filter", "content_filter"],
]);

/** @param output undefined: it goes on */
function responseOf(completion: ChatCompletion, words: ModelResponseWords, output: readonly object[] | undefined) {
  const { id, model, startedAt, finish, usage } = completion;
  const reason = CUT.get(finish);
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: secondsOf(startedAt),
    status: output === undefined ? "in_progress" : reason === undefined ? "completed" : "incomplete",
    background: false,
    error: null,
    incomplete_details: output && reason !== undefined ? { reason } : null,
    model,
    output: output ?? [],
    previous_response_id: null,
    store: false,
    truncation: "disabled",
    ...words,
    ...(output && { usage: responseUsage(usage) }),
  };
}

function outputOf({ id, text, toolCalls }: Pick<ChatCompletion, "id" | "text" | "toolCalls">): object[] {
  const calls = toolCalls.map((call) => callOf(call, "completed"));
  return text === "" && calls.length > 0 ? calls : [messageOf({ id, text }, "completed"), ...calls];
}

function callOf({ id, name, arguments: args }: ChatToolCall, status: "in_progress" | "completed") {
  const held = status === "completed" ? args : "";
  return { id: `fc_${id}`, type: "function_call", call_id: id, name, arguments: held, status };
}

type Frames = AsyncIterable<{ readonly message: unknown }>;
type Say = (type: string, more: object) => string;

/** created → in_progress → the text's item and its deltas → each call's item → completed or incomplete. */
async function* eventsOf(frames: Frames, words: ModelResponseWords): AsyncGenerator<string> {
  let sequence = 0;
  const say: Say = (type, more) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...more })}\n\n`;
  let id = "";
  let text: string | undefined;
  let isTextOver = false;
  const calls: ChatToolCall[] = [];
  const indexOf = (call: number) => call + (text === undefined ? 0 : 1);
  for await (const { message } of frames) {
    const { event } = ChatEvent.fromPartial(Object(message));
    if (event?.$case === "started") {
      id = event.value.id;
      const response = responseOf(event.value, words, undefined);
      yield say("response.created", { response });
      yield say("response.in_progress", { response });
    } else if (event?.$case === "textDelta" && !isTextOver) {
      if (text === undefined) yield beginText(say, id);
      text = (text ?? "") + event.value;
      yield say("response.output_text.delta", { ...placeOf(id), delta: event.value, logprobs: [] });
    } else if (event?.$case === "toolCall") {
      if (text !== undefined && !isTextOver) yield endText(say, id, text);
      isTextOver = true;
      calls.push(event.value);
      yield tellCall(say, event.value, indexOf(calls.length - 1));
    } else if (event?.$case === "ended") {
      if (text === undefined && calls.length === 0) {
        text = event.value.text;
        yield beginText(say, id);
      }
      if (text !== undefined && !isTextOver) yield endText(say, id, text);
      const response = responseOf(event.value, words, outputOf({ id, text: text ?? "", toolCalls: calls }));
      yield say(`response.${response.status}`, { response });
    }
  }
}

function placeOf(id: string) {
  return { item_id: `msg_${id}`, output_index: 0, content_index: 0 };
}

function beginText(say: Say, id: string): string {
  return (
    say("response.output_item.added", { output_index: 0, item: messageOf({ id, text: "" }, "in_progress") }) +
    say("response.content_part.added", { ...placeOf(id), part: textPart("") })
  );
}

function endText(say: Say, id: string, text: string): string {
  return (
    say("response.output_text.done", { ...placeOf(id), text, logprobs: [] }) +
    say("response.content_part.done", { ...placeOf(id), part: textPart(text) }) +
    say("response.output_item.done", { output_index: 0, item: messageOf({ id, text }, "completed") })
  );
}

/** A call comes whole, for it is inspected whole. */
function tellCall(say: Say, call: ChatToolCall, index: number): string {
  const at = { item_id: `fc_${call.id}`, output_index: index };
  return (
    say("response.output_item.added", { output_index: index, item: callOf(call, "in_progress") }) +
    say("response.function_call_arguments.delta", { ...at, delta: call.arguments }) +
    say("response.function_call_arguments.done", { ...at, name: call.name, arguments: call.arguments }) +
    say("response.output_item.done", { output_index: index, item: callOf(call, "completed") })
  );
}
