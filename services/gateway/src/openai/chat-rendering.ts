import type { ServerResponse } from "node:http";
import { AppError } from "@agentmesh/errors";
import { AgentRun, AgentRunEvent } from "@agentmesh/proto/runner";
import { beginEvents, type Rendering } from "../http/rendering.ts";
import { writeFrames } from "../http/sse.ts";
import type { Reply } from "../pipeline/exchange.ts";
import { answerOf } from "./answer-of.ts";
import { openAiErrors } from "./errors.ts";
import type { ChatRequest } from "./read-chat.ts";
import { chatUsage } from "./usage.ts";

/** Runs as chat completions, and their events as chunks. */
export function chatRendering(request: ChatRequest): Rendering {
  return {
    async reply(response, reply, signal) {
      if (reply.kind === "stream") return stream(response, reply, signal, request);
      const run = AgentRun.fromPartial(Object(reply.body.message));
      const text = answerOf(run);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(completion(run, request, text)));
    },
    ...openAiErrors,
  };
}

function completion(run: AgentRun, { model }: ChatRequest, content: string) {
  return {
    id: `chatcmpl-${run.id}`,
    object: "chat.completion",
    created: seconds(run.startedAt),
    model,
    // The model behind the agent; the embedded one says so in its name.
    system_fingerprint: run.model,
    choices: [
      { index: 0, message: { role: "assistant", content, refusal: null }, logprobs: null, finish_reason: "stop" },
    ],
    usage: chatUsage(run.usage),
  };
}

async function stream(
  response: ServerResponse,
  { frames }: Extract<Reply, { kind: "stream" }>,
  signal: AbortSignal,
  request: ChatRequest,
): Promise<void> {
  const chunks = chunksOf(frames, request);
  // The first chunk decides: what fails before it is an error with a status, as without a stream.
  const first = await chunks.next();
  beginEvents(response);
  if (!first.done) response.write(first.value);
  await writeFrames(response, chunks, signal);
  response.end("data: [DONE]\n\n");
}

async function* chunksOf(frames: AsyncIterable<{ readonly message: unknown }>, request: ChatRequest) {
  let started: AgentRun | undefined;
  for await (const { message } of frames) {
    const { event } = AgentRunEvent.fromPartial(Object(message));
    if (event?.$case === "started") {
      started = event.value;
      yield chunk(started, request, { role: "assistant", content: "", refusal: null }, null);
    } else if (event?.$case === "textDelta" && started) {
      yield chunk(started, request, { content: event.value }, null);
    } else if (event?.$case === "restarted") {
      // Another replica began anew, and what was said cannot be taken back.
      throw new AppError("UNAVAILABLE", "the replica that ran it is gone; ask again", { reason: "RESTARTED" });
    } else if (event?.$case === "ended") {
      answerOf(event.value);
      yield chunk(event.value, request, {}, "stop");
      if (request.includeUsage) yield usageChunk(event.value, request);
    }
  }
}

function chunk(run: AgentRun, { model, includeUsage }: ChatRequest, delta: object, finish: "stop" | null): string {
  return frame({
    ...chunkHead(run, model),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(includeUsage && { usage: null }),
  });
}

function usageChunk(run: AgentRun, { model }: ChatRequest): string {
  return frame({ ...chunkHead(run, model), choices: [], usage: chatUsage(run.usage) });
}

function chunkHead(run: AgentRun, model: string) {
  return {
    id: `chatcmpl-${run.id}`,
    object: "chat.completion.chunk",
    created: seconds(run.startedAt),
    model,
    system_fingerprint: run.model,
  };
}

function frame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

function seconds(date: Date | undefined): number {
  return Math.floor((date?.getTime() ?? 0) / 1000);
}
