import { setTimeout as wait } from "node:timers/promises";
import type { LedgerRow } from "@agentmesh/proto/cost";
import { type AgentRun, AgentRun_State } from "@agentmesh/proto/runner";
import { readSince } from "./read-since.ts";
import type { Session } from "./session.ts";

export type LedgerCheck = {
  readonly agentRuns: number;
  readonly modelCalls: number;
  /** Rows of model calls; those of cache hits are counted apart. */
  readonly rows: number;
  readonly cacheHits: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly costNanoUsd: bigint;
  readonly savedNanoUsd: bigint;
  /** Empty when each model call has exactly one row. */
  readonly problems: readonly string[];
};

/** Rows travel through the event stream, so the ledger may be behind for a moment. */
const patienceMs = 20_000;
const pauseMs = 500;

/** Compares the ledger with the agent runs since a time; waits up to 20 s for rows on their way. */
export async function checkLedger(session: Session, since: Date): Promise<LedgerCheck> {
  const deadlineMs = Date.now() + patienceMs;
  for (;;) {
    const check = compareLedger(await listAgentRuns(session, since), await listLedger(session, since));
    if (check.problems.length === 0 || Date.now() + pauseMs > deadlineMs) return check;
    await wait(pauseMs);
  }
}

/** Each model call of a run that succeeded has one row, no attempt has two; cache hits are free. */
export function compareLedger(runs: readonly AgentRun[], rows: readonly LedgerRow[]): LedgerCheck {
  const ended = runs.filter((run) => run.state === AgentRun_State.SUCCEEDED);
  const ids = new Set(ended.map((run) => run.id));
  const own = rows.filter((row) => ids.has(row.charge?.runId ?? ""));
  const calls = own.filter((row) => !row.cacheHit);
  return {
    agentRuns: ended.length,
    modelCalls: ended.reduce((sum, run) => sum + (run.usage?.modelCalls ?? 0), 0),
    rows: calls.length,
    cacheHits: ended.filter((run) => run.cache === "l1" || run.cache === "l2").length,
    inputTokens: sum(calls, (row) => row.uncachedInputTokens + row.cacheReadTokens + row.cacheWriteTokens),
    outputTokens: sum(calls, (row) => row.outputTokens + row.reasoningTokens),
    costNanoUsd: sum(own, (row) => row.costNanoUsd),
    savedNanoUsd: sum(own, (row) => row.savedNanoUsd),
    problems: [...missing(ended, calls), ...doubled(rows), ...charged(own)],
  };
}

function missing(runs: readonly AgentRun[], calls: readonly LedgerRow[]): string[] {
  const rowsOf = Map.groupBy(calls, (row) => row.charge?.runId ?? "");
  return runs.flatMap((run) => {
    const wanted = run.usage?.modelCalls ?? 0;
    const found = rowsOf.get(run.id)?.length ?? 0;
    return found === wanted ? [] : [`agent run ${run.id} (${run.agent}): ${wanted} model calls, ${found} ledger rows`];
  });
}

function doubled(rows: readonly LedgerRow[]): string[] {
  const attempts = Map.groupBy(rows, (row) => row.attemptId);
  return [...attempts].flatMap(([id, found]) =>
    found.length > 1 ? [`attempt ${id} has ${found.length} ledger rows`] : [],
  );
}

function charged(rows: readonly LedgerRow[]): string[] {
  return rows
    .filter((row) => row.cacheHit && row.costNanoUsd !== 0n)
    .map((row) => `attempt ${row.attemptId} is a cache hit and costs ${row.costNanoUsd} nano-USD`);
}

function sum(rows: readonly LedgerRow[], amount: (row: LedgerRow) => bigint): bigint {
  return rows.reduce((total, row) => total + amount(row), 0n);
}

async function listAgentRuns(session: Session, since: Date): Promise<AgentRun[]> {
  return readSince(since, async (pageToken, pageSize) => {
    const reply = await session.call("list agent runs", (client) =>
      client.runner.listAgentRuns({ pageSize, pageToken }),
    );
    return { rows: reply.runs.map((row) => ({ row, at: row.startedAt })), next: reply.nextPageToken };
  });
}

async function listLedger(session: Session, since: Date): Promise<LedgerRow[]> {
  return readSince(since, async (pageToken, pageSize) => {
    const reply = await session.call("list the ledger", (client) => client.cost.listLedger({ pageSize, pageToken }));
    return { rows: reply.rows.map((row) => ({ row, at: row.at })), next: reply.nextPageToken };
  });
}
