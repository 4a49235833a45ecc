import type { ServerResponse } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import { type Random, wholeBelow } from "../random.ts";
import type { Asked } from "./read-asked.ts";

const sentence = "The order left the warehouse on Monday and should arrive within three working days. ";
/** Longer than what the mesh holds back of a stream to inspect it. */
const chunksOfAnswer = 15;
/** Of one reply, before its first byte. */
const thinkMs = 15;
const betweenChunksMs = 15;
/** A model that takes its time says a sentence each so often, and so many of them unless it is cancelled. */
const slowChunkMs = 200;
const slowChunks = 75;

/** A completion as it was asked for, whole or streamed; it stops when the other side leaves. */
export async function answer(asked: Asked, response: ServerResponse, random: Random): Promise<void> {
  const isSlow = asked.model === "slow";
  await wait(thinkMs * (0.5 + random()));
  const customer = `c-${1 + wholeBelow(3, random)}`;
  if (asked.stream) await stream(asked, response, customer, isSlow);
  else await whole(asked, response, customer, isSlow);
}

async function whole(asked: Asked, response: ServerResponse, customer: string, isSlow: boolean): Promise<void> {
  for (let chunk = 0; isSlow && chunk < slowChunks && !response.destroyed; chunk++) await wait(slowChunkMs);
  if (response.destroyed) return;
  response.writeHead(200, { "content-type": "application/json" }).end(completion(asked, customer));
}

/** A whole reply as JSON. */
export function completion(asked: Asked, customer: string): string {
  const message = asked.wantsTool
    ? { role: "assistant", content: null, tool_calls: [toolCall(customer)] }
    : { role: "assistant", content: sentence.trim() };
  const finish_reason = asked.wantsTool ? "tool_calls" : "stop";
  return JSON.stringify({ model: asked.model, choices: [{ index: 0, finish_reason, message }], usage: usageOf(asked) });
}

async function stream(asked: Asked, response: ServerResponse, customer: string, isSlow: boolean): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream" });
  const say = (delta: object, finish_reason: string | null = null) =>
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason }] })}\n\n`);
  if (asked.wantsTool) say({ tool_calls: [{ index: 0, ...toolCall(customer) }] });
  const chunks = asked.wantsTool ? 0 : isSlow ? slowChunks : chunksOfAnswer;
  for (let chunk = 0; chunk < chunks && !response.destroyed; chunk++) {
    say({ content: sentence });
    await wait(isSlow ? slowChunkMs : betweenChunksMs);
  }
  if (response.destroyed) return;
  say({}, asked.wantsTool ? "tool_calls" : "stop");
  response.write(`data: ${JSON.stringify({ choices: [], usage: usageOf(asked) })}\n\n`);
  response.end("data: [DONE]\n\n");
}

function toolCall(customer: string) {
  return {
    id: `call_${customer}`,
    type: "function",
    function: { name: "soak-customers", arguments: JSON.stringify({ customer }) },
  };
}

function usageOf({ bytes }: Asked) {
  const prompt_tokens = Math.ceil(bytes / 4);
  const completion_tokens = Math.ceil(sentence.length / 4);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}
