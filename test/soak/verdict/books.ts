// The books after the load: every run that somebody was told of is stored, and has one ledger row for each call of a
// model it made, and one for an answer it had from the cache.
import { AgentRun } from "@agentmesh/proto/runner";
import type pg from "pg";
import type { RunBook } from "../load/run-book.ts";

export type Books = {
  readonly runs: number;
  /** Calls of models as the runs say. */
  readonly modelCalls: number;
  /** Rows of the ledger for calls of models. */
  readonly paid: number;
  /** Rows for answers from the cache. */
  readonly hits: number;
  readonly failedCalls: number;
  readonly lost: readonly string[];
  /** Runs whose rows are not what they should be. */
  readonly wrong: readonly string[];
};

const pageSize = 2_000;
const mostNamed = 10;
const firstId = "00000000-0000-0000-0000-000000000000";

type StoredRun = { id: string; record: Uint8Array };
type LedgerRows = { run_id: string; paid: string; hits: string; failed: string };

/** Takes what is stored off the book's list of missing runs; cheap, to be called often. */
export async function tickOff(book: RunBook, sql: pg.Pool): Promise<void> {
  const missing = book.missing();
  for (let at = 0; at < missing.length; at += pageSize) {
    const page = missing.slice(at, at + pageSize);
    const { rows } = await sql.query<{ id: string }>("SELECT id FROM agent_runner.agent_run WHERE id = ANY($1)", [
      page,
    ]);
    book.found(rows.map(({ id }) => id));
  }
}

export async function readBooks(book: RunBook, sql: pg.Pool): Promise<Books> {
  await tickOff(book, sql);
  const sum = { runs: 0, modelCalls: 0, paid: 0, hits: 0, failedCalls: 0 };
  const wrong: string[] = [];
  for (let after = firstId; ; ) {
    const { rows: runs } = await sql.query<StoredRun>(
      "SELECT id, record FROM agent_runner.agent_run WHERE id > $1 ORDER BY id LIMIT $2",
      [after, pageSize],
    );
    if (runs.length === 0) break;
    after = runs.at(-1)?.id ?? after;
    const rows = await ledgerOf(
      runs.map(({ id }) => id),
      sql,
    );
    for (const { id, record } of runs) {
      const { usage, cache, agent, state } = AgentRun.decode(record);
      const modelCalls = usage?.modelCalls ?? 0;
      const { paid, hits, failed } = rows.get(id) ?? { paid: 0, hits: 0, failed: 0 };
      if (paid !== modelCalls || hits !== (cache === "none" ? 0 : 1)) {
        wrong.push(`${agent} ${id} ${state}: ${modelCalls} model calls, cache ${cache}; ${paid} + ${hits} rows`);
      }
      sum.runs += 1;
      sum.modelCalls += modelCalls;
      sum.paid += paid;
      sum.hits += hits;
      sum.failedCalls += failed;
    }
  }
  return { ...sum, lost: book.missing(), wrong };
}

async function ledgerOf(ids: readonly string[], sql: pg.Pool) {
  const { rows } = await sql.query<LedgerRows>(
    `SELECT run_id, count(*) FILTER (WHERE NOT cache_hit) AS paid, count(*) FILTER (WHERE cache_hit) AS hits,
            count(*) FILTER (WHERE failed) AS failed
     FROM cost.ledger WHERE run_id = ANY($1) GROUP BY run_id`,
    [ids],
  );
  return new Map(
    rows.map((row) => [row.run_id, { paid: Number(row.paid), hits: Number(row.hits), failed: Number(row.failed) }]),
  );
}

/** The first of many, for a message. */
export function someOf(lines: readonly string[]): string {
  const more = lines.length - mostNamed;
  return [...lines.slice(0, mostNamed), ...(more > 0 ? [`and ${more} more`] : [])].join("\n    ");
}
