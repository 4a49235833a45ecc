import type { ChatCompletionChunk, ChatRequest, ChunkDelta, FinishReason } from "./chat.ts";
import { completeOffline } from "./complete.ts";
import { tokenSlices } from "./tokenizer.ts";

/** Few enough to read as a stream, enough to keep the overhead of a chunk small. */
const TOKENS_PER_CHUNK = 4;

/**
 * The answer of {@link completeOffline} as chunks: the role, the content (or a call's arguments) in slices of 4 tokens,
 * the finish reason, and with `stream_options.include_usage` a last chunk with the usage. Joined, the slices are the
 * very answer. Throws, on the first `next()`, what `completeOffline` throws.
 */
export function* streamOffline(request: ChatRequest): Generator<ChatCompletionChunk, void, undefined> {
  const { choices, usage, ...completion } = completeOffline(request);
  const includesUsage = request.stream_options?.include_usage === true;
  function chunk(delta: ChunkDelta, finish: FinishReason | null): ChatCompletionChunk {
    return {
      ...completion,
      object: "chat.completion.chunk",
      choices: [{ index: 0, delta, finish_reason: finish, logprobs: null }],
      ...(includesUsage ? { usage: null } : {}),
    };
  }
  for (const { message, finish_reason: finish } of choices) {
    const calls = message.tool_calls ?? [];
    yield chunk(calls.length > 0 ? { role: "assistant" } : { role: "assistant", content: "" }, null);
    for (const slice of tokenSlices(message.content ?? "", TOKENS_PER_CHUNK)) yield chunk({ content: slice }, null);
    for (const [index, { id, type, function: called }] of calls.entries()) {
      yield chunk({ tool_calls: [{ index, id, type, function: { name: called.name, arguments: "" } }] }, null);
      for (const slice of tokenSlices(called.arguments, TOKENS_PER_CHUNK)) {
        yield chunk({ tool_calls: [{ index, function: { arguments: slice } }] }, null);
      }
    }
    yield chunk({}, finish);
  }
  if (includesUsage) yield { ...completion, object: "chat.completion.chunk", choices: [], usage };
}
