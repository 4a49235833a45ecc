import { describeError } from "@agentmesh/errors";
import type { Context } from "../context.ts";
import { chargeOf } from "./call-model.ts";
import type { ModelCall } from "./run-request.ts";

const SETTLE_TIMEOUT_MS = 1_000;

/**
 * What each call really cost, integer nano-USD; frees what the holds kept beyond it at once. When cost does not answer
 * the run's own figure stays 0 and the usage events settle the ledger later: the ledger is what counts.
 */
export async function settleCalls(
  context: Context,
  run: Parameters<typeof chargeOf>[0],
  calls: readonly ModelCall[],
): Promise<readonly bigint[]> {
  const paid = calls.filter((call) => !call.cacheHit);
  if (paid.length === 0) return calls.map(() => 0n);
  const charge = chargeOf(run);
  try {
    const settlements = paid.map(({ usage, attemptId, provider, model, responseMs, failed, at }) => ({
      attemptId,
      charge,
      provider,
      model,
      uncachedInputTokens: BigInt(usage.uncachedInputTokens),
      cacheReadTokens: BigInt(usage.cacheReadTokens),
      cacheWriteTokens: BigInt(usage.cacheWriteTokens),
      outputTokens: BigInt(usage.outputTokens),
      reasoningTokens: BigInt(usage.reasoningTokens),
      responseMs,
      failed,
      at,
    }));
    const { costNanoUsd } = await context.peers.cost.settle({ settlements }, { timeoutMs: SETTLE_TIMEOUT_MS });
    return costNanoUsd;
  } catch (error) {
    context.log.warn({ runId: run.id, reason: describeError(error) }, "not settled at once; the usage events will");
    return calls.map(() => 0n);
  }
}
