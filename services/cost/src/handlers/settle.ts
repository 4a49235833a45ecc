import { AppError } from "@agentmesh/errors";
import type { Settlement, SettleReply, SettleRequest } from "@agentmesh/proto/cost";
import type { Context } from "../context.ts";
import { costOf } from "../domain/price.ts";
import { settle } from "../settle.ts";
import type { LedgerEntry } from "../store/ledger.ts";

const MAX_SETTLEMENTS = 1000;

export async function settleAttempts(context: Context, request: SettleRequest): Promise<SettleReply> {
  if (request.settlements.length > MAX_SETTLEMENTS) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `${request.settlements.length} settlements in one call; at most ${MAX_SETTLEMENTS}`,
      {
        field: "settlements",
      },
    );
  }
  const entries = request.settlements.map((settlement, index) => entryOf(context, settlement, index));
  await context.db.transaction((tx) => settle(context, tx, entries));
  return { costNanoUsd: entries.map((entry) => entry.cost_nano_usd) };
}

function entryOf(context: Context, settlement: Settlement, index: number): LedgerEntry {
  const { charge } = settlement;
  if (!charge?.tenant || !charge.subject || !settlement.attemptId) {
    throw new AppError("INVALID_ARGUMENT", `settlements[${index}] needs attempt_id, charge.tenant and charge.subject`, {
      field: `settlements[${index}].charge`,
    });
  }
  const at = settlement.at ?? new Date();
  const price = context.prices(charge.tenant, settlement.provider, settlement.model, at.getTime());
  return {
    tenant: charge.tenant,
    attempt_id: settlement.attemptId,
    subject: charge.subject,
    department: charge.department,
    project: charge.project,
    agent: charge.agent,
    run_id: charge.runId,
    provider: settlement.provider,
    model: settlement.model,
    uncached_input_tokens: settlement.uncachedInputTokens,
    cache_read_tokens: settlement.cacheReadTokens,
    cache_write_tokens: settlement.cacheWriteTokens,
    output_tokens: settlement.outputTokens,
    reasoning_tokens: settlement.reasoningTokens,
    cost_nano_usd: settlement.cacheHit ? 0n : costOf(settlement, price),
    kind: "settled",
    cache_hit: settlement.cacheHit,
    saved_nano_usd: settlement.cacheHit ? settlement.savedNanoUsd : 0n,
    failed: settlement.failed,
    response_ms: settlement.responseMs,
    at,
  };
}
