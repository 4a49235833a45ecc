import type { Received } from "@agentmesh/bus";
import type { Transaction } from "@agentmesh/postgres";
import type { UsageRecorded } from "@agentmesh/proto/runner";
import type { Context } from "../context.ts";
import { costOf } from "../domain/price.ts";
import { settle } from "../settle.ts";
import type { LedgerEntry } from "../store/ledger.ts";

/** One upstream call became known: its ledger row, whatever became of the run. */
export async function onUsageRecorded(
  context: Context,
  tx: Transaction,
  events: readonly Received<UsageRecorded>[],
): Promise<void> {
  await settle(
    context,
    tx,
    events.map((event) => entryOf(context, event)),
  );
}

function entryOf(context: Context, { tenant, data, time }: Received<UsageRecorded>): LedgerEntry {
  const at = data.at ?? time ?? new Date();
  const tokens = {
    uncachedInputTokens: data.usage?.uncachedInputTokens ?? 0n,
    cacheReadTokens: data.usage?.cacheReadTokens ?? 0n,
    cacheWriteTokens: data.usage?.cacheWriteTokens ?? 0n,
    outputTokens: data.usage?.outputTokens ?? 0n,
    reasoningTokens: data.usage?.reasoningTokens ?? 0n,
  };
  const price = context.prices(tenant, data.provider, data.model, at.getTime());
  return {
    tenant,
    attempt_id: data.attemptId,
    subject: data.subject,
    department: data.department,
    project: data.project,
    agent: data.agent,
    run_id: data.runId,
    provider: data.provider,
    model: data.model,
    uncached_input_tokens: tokens.uncachedInputTokens,
    cache_read_tokens: tokens.cacheReadTokens,
    cache_write_tokens: tokens.cacheWriteTokens,
    output_tokens: tokens.outputTokens,
    reasoning_tokens: tokens.reasoningTokens,
    cost_nano_usd: data.cacheHit ? 0n : costOf(tokens, price),
    kind: "settled",
    cache_hit: data.cacheHit,
    saved_nano_usd: data.cacheHit ? data.savedNanoUsd : 0n,
    failed: data.failed,
    response_ms: data.responseMs,
    at,
  };
}
