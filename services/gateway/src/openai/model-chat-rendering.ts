import { ChatCompletion, ChatEvent } from "@agentmesh/proto/runner";
import type { Rendering } from "../http/rendering.ts";
import { type ChatHead, callOf, chunkOf, completionOf, usageChunkOf } from "./chat-shape.ts";
import { openAiErrors } from "./errors.ts";
import type { ModelChatRequest } from "./read-model-chat.ts";
import { DONE, streamFrames } from "./stream-frames.ts";

/** A plain model's answer as a chat completion, or its events as chunks. */
export function modelChatRendering(request: ModelChatRequest): Rendering {
  return {
    async reply(response, reply, signal) {
      if (reply.kind === "stream") return streamFrames(response, chunksOf(reply.frames, request), signal, DONE);
      const { model, ...answer } = ChatCompletion.fromPartial(Object(reply.body.message));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(completionOf({ ...answer, model, answeredBy: model })));
    },
    ...openAiErrors,
  };
}

type Frames = AsyncIterable<{ readonly message: unknown }>;

async function* chunksOf(frames: Frames, { includeUsage }: ModelChatRequest): AsyncGenerator<string> {
  let head: ChatHead | undefined;
  let calls = 0;
  for await (const { message } of frames) {
    const { event } = ChatEvent.fromPartial(Object(message));
    if (event?.$case === "started") {
      head = headOf(event.value);
      yield chunkOf(head, { role: "assistant", content: "", refusal: null }, null, includeUsage);
    } else if (event?.$case === "textDelta" && head) {
      yield chunkOf(head, { content: event.value }, null, includeUsage);
    } else if (event?.$case === "toolCall" && head) {
      const delta = { tool_calls: [{ index: calls++, ...callOf(event.value) }] };
      yield chunkOf(head, delta, null, includeUsage);
    } else if (event?.$case === "ended") {
      head = headOf(event.value);
      yield chunkOf(head, {}, event.value.finish, includeUsage);
      if (includeUsage) yield usageChunkOf(head, event.value.usage);
    }
  }
}

function headOf({ id, startedAt, model }: ChatCompletion): ChatHead {
  return { id, startedAt, model, answeredBy: model };
}
