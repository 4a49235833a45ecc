import type { VerifyAuditReply } from "@agentmesh/proto/compliance";
import type { LedgerCheck } from "./check-ledger.ts";
import type { Outcome } from "./judge.ts";

export type Totals = {
  readonly tickets: number;
  readonly asExpected: number;
  readonly costNanoUsd: bigint;
  readonly savedNanoUsd: bigint;
  readonly agentRuns: number;
  readonly cacheHits: number;
  readonly modelCalls: number;
  readonly inputTokens: bigint;
  readonly outputTokens: bigint;
  readonly durationMs: number;
};

export type Report = {
  readonly ok: boolean;
  readonly outcomes: readonly Outcome[];
  readonly ledger: LedgerCheck;
  readonly audit: VerifyAuditReply;
  readonly totals: Totals;
};

export function totalsOf(outcomes: readonly Outcome[], ledger: LedgerCheck, durationMs: number): Totals {
  return {
    tickets: outcomes.length,
    asExpected: outcomes.filter((outcome) => outcome.problems.length === 0).length,
    costNanoUsd: outcomes.reduce((sum, outcome) => sum + outcome.costNanoUsd, 0n),
    savedNanoUsd: ledger.savedNanoUsd,
    agentRuns: ledger.agentRuns,
    cacheHits: ledger.cacheHits,
    modelCalls: ledger.modelCalls,
    inputTokens: ledger.inputTokens,
    outputTokens: ledger.outputTokens,
    durationMs,
  };
}
