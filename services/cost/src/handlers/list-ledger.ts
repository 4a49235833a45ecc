import type { LedgerRow, ListLedgerReply, ListLedgerRequest } from "@agentmesh/proto/cost";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { type LedgerEntry, listLedger } from "../store/ledger.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;

export async function listLedgerRows(
  context: Context,
  request: ListLedgerRequest,
  call: Call,
): Promise<ListLedgerReply> {
  const { tenant } = requirePrincipal(call);
  const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const entries = await listLedger(context.db, { tenant, runId: request.runId, before: request.pageToken, limit });
  const last = entries.at(-1);
  const more = entries.length === limit && last;
  return { rows: entries.map(toRow), nextPageToken: more ? `${last.at.toISOString()}|${last.attempt_id}` : "" };
}

function toRow(entry: LedgerEntry): LedgerRow {
  const { tenant, subject, department, project, agent } = entry;
  return {
    attemptId: entry.attempt_id,
    charge: { tenant, subject, department, project, agent, runId: entry.run_id },
    provider: entry.provider,
    model: entry.model,
    uncachedInputTokens: entry.uncached_input_tokens,
    cacheReadTokens: entry.cache_read_tokens,
    cacheWriteTokens: entry.cache_write_tokens,
    outputTokens: entry.output_tokens,
    reasoningTokens: entry.reasoning_tokens,
    costNanoUsd: entry.cost_nano_usd,
    kind: entry.kind,
    cacheHit: entry.cache_hit,
    savedNanoUsd: entry.saved_nano_usd,
    at: entry.at,
  };
}
