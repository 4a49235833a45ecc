import { AgentRun, AgentRun_State, AgentRunEvent, CancelAgentRunReply } from "@agentmesh/proto/runner";
import type { Rendering } from "../http/rendering.ts";
import type { Reply } from "../pipeline/exchange.ts";
import { answerOf } from "./answer-of.ts";
import { restarted } from "./chat-rendering.ts";
import { openAiErrors } from "./errors.ts";
import type { ResponseRequest } from "./read-response.ts";
import { messageOf, type ResponseWords, responseOf, textPart } from "./response-shape.ts";
import { streamFrames } from "./stream-frames.ts";

/** Runs as responses, and their events as those of a response. */
export function responseRendering(request: ResponseRequest): Rendering {
  return {
    async reply(response, reply, signal) {
      if (reply.kind === "stream") return streamFrames(response, eventsOf(reply.frames, request), signal, "");
      const run = AgentRun.fromPartial(Object(reply.body.message));
      if (run.state !== AgentRun_State.RUNNING) answerOf(run);
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(responseOf(run, request)));
    },
    ...eventErrors,
  };
}

/** A response that was given before, or the one that is cancelled. */
export const keptResponseRendering: Rendering = {
  async reply(response, reply) {
    const run = runOf(reply);
    const words: ResponseWords = {
      model: `agent:${run.agent}`,
      instructions: null,
      previousResponseId: null,
      metadata: run.labels,
    };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(responseOf(run, words)));
  },
  ...openAiErrors,
};

function runOf(reply: Reply): AgentRun {
  const message = Object(reply.kind === "unary" ? reply.body.message : {});
  return "run" in message
    ? AgentRun.fromPartial(CancelAgentRunReply.fromPartial(message).run ?? {})
    : AgentRun.fromPartial(message);
}

/** Errors of responses; in a stream they are events of it. */
export const eventErrors: Pick<Rendering, "errorBody" | "errorFrame"> = {
  errorBody: openAiErrors.errorBody,
  errorFrame: (body) => `event: error\ndata: ${JSON.stringify({ type: "error", ...body })}\n\n`,
};

type Frames = AsyncIterable<{ readonly message: unknown }>;

/** created → in_progress → item added → part added → deltas → text, part and item done → completed; or failed. */
async function* eventsOf(frames: Frames, request: ResponseRequest): AsyncGenerator<string> {
  let sequence = 0;
  const say = (type: string, more: object) =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence++, ...more })}\n\n`;
  let open: Item | undefined;
  for await (const { message } of frames) {
    const { runId, event } = AgentRunEvent.fromPartial(Object(message));
    if (event?.$case === "started") {
      const response = responseOf(event.value, request);
      yield say("response.created", { response });
      yield say("response.in_progress", { response });
    } else if (event?.$case === "textDelta") {
      if (!open) {
        open = itemOf(runId);
        yield begin(say, open);
      }
      yield say("response.output_text.delta", { ...open.at, delta: event.value, logprobs: [] });
    } else if (event?.$case === "restarted") {
      throw restarted();
    } else if (event?.$case === "ended") {
      yield* end(say, event.value, open, request);
    }
  }
}

type Say = (type: string, more: object) => string;
type Item = { readonly id: string; readonly at: object };

function itemOf(runId: string): Item {
  return { id: runId, at: { item_id: `msg_${runId}`, output_index: 0, content_index: 0 } };
}

function begin(say: Say, { id, at }: Item): string {
  const item = messageOf({ id, text: "" }, "in_progress");
  return (
    say("response.output_item.added", { output_index: 0, item }) +
    say("response.content_part.added", { ...at, part: textPart("") })
  );
}

function* end(say: Say, run: AgentRun, open: Item | undefined, request: ResponseRequest): Generator<string> {
  const response = responseOf(run, request);
  if (run.state !== AgentRun_State.SUCCEEDED) {
    yield say("response.failed", { response });
    return;
  }
  const item = open ?? itemOf(run.id);
  if (!open) yield begin(say, item);
  yield say("response.output_text.done", { ...item.at, text: run.text, logprobs: [] });
  yield say("response.content_part.done", { ...item.at, part: textPart(run.text) });
  yield say("response.output_item.done", { output_index: 0, item: messageOf(run, "completed") });
  yield say("response.completed", { response });
}
