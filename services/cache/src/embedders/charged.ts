import { AppError, describeError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { costContract } from "@agentmesh/proto/cost.contract";
import type { Client } from "@agentmesh/rpc";
import type { Logger } from "@agentmesh/telemetry";
import type { Payer } from "../domain/payer.ts";
import type { Embedder } from "./embedder.ts";
import type { RemoteEmbedder } from "./openai-compatible.ts";

// A lookup waits for the hold. Settling nobody waits for.
const HOLD_TIMEOUT_MS = 250;
const SETTLE_TIMEOUT_MS = 3_000;
/** Fewer than any tokeniser makes of a token, so that a hold is never too small. */
const CHARS_A_TOKEN = 2;

/**
 * An embedder whose calls stand in the ledger, each as a row of its own for the tenant that asks: money is held before
 * the call and settled after it at the tokens the provider names. Without a hold (no budget left, no price for the
 * model, cost away) no call is made, and the semantic tier finds nothing. What is never settled, cost books at the hold's
 * value.
 */
export function chargedEmbedder(
  embedder: RemoteEmbedder,
  options: { cost: Client<typeof costContract>; provider: string; model: string; log: Logger },
): Embedder {
  const { cost, provider, model, log } = options;
  const settling = new Set<Promise<unknown>>();

  async function settle(attemptId: string, payer: Payer, spent: { tokens: number; failed: boolean; tookMs: number }) {
    const settlement = {
      attemptId,
      charge: payer,
      provider,
      model,
      uncachedInputTokens: BigInt(spent.tokens),
      responseMs: Math.round(spent.tookMs),
      failed: spent.failed,
      at: new Date(),
    };
    try {
      await cost.settle({ settlements: [settlement] }, { timeoutMs: SETTLE_TIMEOUT_MS });
    } catch (error) {
      log.warn({ attemptId, reason: describeError(error) }, "an embedding is not settled; it is booked as it was held");
    }
  }

  function later(work: Promise<unknown>): void {
    settling.add(work);
    void work.finally(() => settling.delete(work));
  }

  return {
    name: embedder.name,
    dimensions: embedder.dimensions,
    async embed(texts, payer) {
      const attemptId = `embedding:${newId()}`;
      const estimate = Math.ceil(texts.reduce((sum, { length }) => sum + length, 0) / CHARS_A_TOKEN);
      const held = { attemptId, charge: payer, provider, model, inputTokens: BigInt(estimate), maxOutputTokens: 0n };
      await cost.hold(held, { timeoutMs: HOLD_TIMEOUT_MS });
      const startedAtMs = performance.now();
      try {
        const { vectors, tokens = estimate } = await embedder.embed(texts);
        later(settle(attemptId, payer, { tokens, failed: false, tookMs: performance.now() - startedAtMs }));
        return vectors;
      } catch (error) {
        // One that was cut off may be billed all the same; one that was refused is not.
        const wasCutOff = error instanceof AppError && error.code === "DEADLINE_EXCEEDED";
        const tookMs = performance.now() - startedAtMs;
        later(settle(attemptId, payer, { tokens: wasCutOff ? estimate : 0, failed: true, tookMs }));
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(settling);
      await embedder[Symbol.asyncDispose]();
    },
  };
}
