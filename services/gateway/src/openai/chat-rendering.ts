import { AppError } from "@agentmesh/errors";
import { AgentRun, AgentRunEvent } from "@agentmesh/proto/runner";
import type { Rendering } from "../http/rendering.ts";
import { answerOf } from "./answer-of.ts";
import { type ChatHead, chunkOf, completionOf, usageChunkOf } from "./chat-shape.ts";
import { openAiErrors } from "./errors.ts";
import type { ChatRequest } from "./read-agent-chat.ts";
import { DONE, streamFrames } from "./stream-frames.ts";

/** Runs as chat completions, and their events as chunks. */
export function chatRendering(request: ChatRequest): Rendering {
  return {
    async reply(response, reply, signal) {
      if (reply.kind === "stream") return streamFrames(response, chunksOf(reply.frames, request), signal, DONE);
      const run = AgentRun.fromPartial(Object(reply.body.message));
      const text = answerOf(run);
      const answer = { ...headOf(run, request), text, toolCalls: [], finish: "stop", usage: run.usage };
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(completionOf(answer)));
    },
    ...openAiErrors,
  };
}

type Frames = AsyncIterable<{ readonly message: unknown }>;

async function* chunksOf(frames: Frames, request: ChatRequest): AsyncGenerator<string> {
  const { includeUsage } = request;
  let started: ChatHead | undefined;
  for await (const { message } of frames) {
    const { event } = AgentRunEvent.fromPartial(Object(message));
    if (event?.$case === "started") {
      started = headOf(event.value, request);
      yield chunkOf(started, { role: "assistant", content: "", refusal: null }, null, includeUsage);
    } else if (event?.$case === "textDelta" && started) {
      yield chunkOf(started, { content: event.value }, null, includeUsage);
    } else if (event?.$case === "restarted") {
      throw restarted();
    } else if (event?.$case === "ended") {
      answerOf(event.value);
      const head = headOf(event.value, request);
      yield chunkOf(head, {}, "stop", includeUsage);
      if (includeUsage) yield usageChunkOf(head, event.value.usage);
    }
  }
}

/** Another replica began anew, and what was said cannot be taken back. */
export function restarted(): AppError {
  return new AppError("UNAVAILABLE", "the replica that ran it is gone; ask again", { reason: "RESTARTED" });
}

function headOf({ id, startedAt, model }: AgentRun, request: ChatRequest): ChatHead {
  return { id, startedAt, model: request.model, answeredBy: model };
}
