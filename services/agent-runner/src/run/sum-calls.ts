import type { Usage } from "@agentmesh/proto/runner";
import type { ModelCall } from "./run-request.ts";

/** What a run used over all its calls. @param costsNanoUsd in the order of `calls` */
export function sumOf(calls: readonly ModelCall[], costsNanoUsd: readonly bigint[]): Usage {
  const total = (pick: (call: ModelCall) => number) => BigInt(calls.reduce((sum, call) => sum + pick(call), 0));
  return {
    modelCalls: calls.filter((call) => !call.cacheHit).length,
    uncachedInputTokens: total(({ usage }) => usage.uncachedInputTokens),
    cacheReadTokens: total(({ usage }) => usage.cacheReadTokens),
    cacheWriteTokens: total(({ usage }) => usage.cacheWriteTokens),
    outputTokens: total(({ usage }) => usage.outputTokens),
    reasoningTokens: total(({ usage }) => usage.reasoningTokens),
    costNanoUsd: costsNanoUsd.reduce((sum, cost) => sum + cost, 0n),
  };
}
