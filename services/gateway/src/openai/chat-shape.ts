import type { ChatToolCall, Usage } from "@agentmesh/proto/runner";
import { chatUsage } from "./usage.ts";

/** What a completion and its chunks have in common. */
export type ChatHead = {
  readonly id: string;
  readonly startedAt: Date | undefined;
  /** As the caller named it, or the one that answered. */
  readonly model: string;
  /** The model that answered; the embedded one says so in its name. */
  readonly answeredBy: string;
};

export type ChatAnswer = ChatHead & {
  readonly text: string;
  readonly toolCalls: readonly ChatToolCall[];
  readonly finish: string;
  readonly usage: Usage | undefined;
};

export function completionOf({ text, toolCalls, finish, usage, ...head }: ChatAnswer) {
  const calls = toolCalls.map(callOf);
  const content = text === "" && calls.length > 0 ? null : text;
  const message = { role: "assistant", content, refusal: null, ...(calls.length > 0 && { tool_calls: calls }) };
  return {
    ...headOf(head, "chat.completion"),
    choices: [{ index: 0, message, logprobs: null, finish_reason: finish }],
    usage: chatUsage(usage),
  };
}

export function callOf({ id, name, arguments: args }: ChatToolCall) {
  return { id, type: "function", function: { name, arguments: args } };
}

/** A chunk as a frame of the stream. @param finish null: more is to come */
export function chunkOf(head: ChatHead, delta: object, finish: string | null, includeUsage: boolean): string {
  return dataFrame({
    ...headOf(head, "chat.completion.chunk"),
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
    ...(includeUsage && { usage: null }),
  });
}

export function usageChunkOf(head: ChatHead, usage: Usage | undefined): string {
  return dataFrame({ ...headOf(head, "chat.completion.chunk"), choices: [], usage: chatUsage(usage) });
}

function headOf({ id, startedAt, model, answeredBy }: ChatHead, object: string) {
  return { id: `chatcmpl-${id}`, object, created: secondsOf(startedAt), model, system_fingerprint: answeredBy };
}

export function dataFrame(value: object): string {
  return `data: ${JSON.stringify(value)}\n\n`;
}

export function secondsOf(date: Date | undefined): number {
  return Math.floor((date?.getTime() ?? 0) / 1000);
}
