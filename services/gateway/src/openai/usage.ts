import type { Usage } from "@agentmesh/proto/runner";

/** The mesh's disjoint buckets as OpenAI counts: cached input is part of the input, reasoning part of the output. */
export function chatUsage(usage: Usage | undefined) {
  const input = Number(
    (usage?.uncachedInputTokens ?? 0n) + (usage?.cacheReadTokens ?? 0n) + (usage?.cacheWriteTokens ?? 0n),
  );
  const reasoning = Number(usage?.reasoningTokens ?? 0n);
  const output = Number(usage?.outputTokens ?? 0n) + reasoning;
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: Number(usage?.cacheReadTokens ?? 0n) },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}
