import type { Usage } from "@agentmesh/proto/runner";

/** The mesh's disjoint buckets as OpenAI counts: cached input is part of the input, reasoning part of the output. */
export function chatUsage(usage: Usage | undefined) {
  const { input, output, cached, reasoning } = countsOf(usage);
  return {
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    prompt_tokens_details: { cached_tokens: cached },
    completion_tokens_details: { reasoning_tokens: reasoning },
  };
}

/** The same in the words of responses. */
export function responseUsage(usage: Usage | undefined) {
  const { input, output, cached, reasoning } = countsOf(usage);
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: Number(usage?.cacheWriteTokens ?? 0n) },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: input + output,
  };
}

function countsOf(usage: Usage | undefined) {
  const cached = Number(usage?.cacheReadTokens ?? 0n);
  const reasoning = Number(usage?.reasoningTokens ?? 0n);
  const input = cached + Number((usage?.uncachedInputTokens ?? 0n) + (usage?.cacheWriteTokens ?? 0n));
  return { input, output: Number(usage?.outputTokens ?? 0n) + reasoning, cached, reasoning };
}
