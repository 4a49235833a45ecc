import type { Queryable } from "@agentmesh/postgres";
import { LRUCache } from "lru-cache";
import type { StepState } from "../domain/run-state.ts";
import { byKey, STEP_HEAD_COLUMNS, type StepRow } from "./step-rows.ts";

/** The input of a run and the outputs of its heads that succeeded, by node. */
export type Scope = { readonly input: unknown; readonly outputs: ReadonlyMap<string, unknown> };

type Kept = {
  readonly input: unknown;
  readonly outputs: Map<string, { doneSeq: number; output: unknown }>;
  bytes: number;
};

/** Remembers scopes: a run's input never changes, and neither does an output while its `doneSeq` is the same. */
export type Scopes = {
  load(tx: Queryable, run: string, heads: Iterable<StepState>): Promise<Scope>;
};

const MAX_KEPT = 64;
const MAX_KEPT_CHARS = 64 * 1024 * 1024;

export function createScopes(): Scopes {
  const kept = new LRUCache<string, Kept>({
    max: MAX_KEPT,
    maxSize: MAX_KEPT_CHARS,
    sizeCalculation: ({ bytes }) => Math.max(1, bytes),
  });
  return {
    async load(tx, run, heads) {
      const known = kept.get(run) ?? (await readInput(tx, run));
      const done = [...heads].filter((step) => step.shard === 0 && step.state === "succeeded");
      const missing = done.filter((step) => known.outputs.get(step.node)?.doneSeq !== step.doneSeq);
      if (missing.length > 0) {
        const { rows } = await tx.query<{ node: string; output: string | null }>(
          "SELECT node, output::text AS output FROM step WHERE run = $1 AND node = ANY($2::text[]) AND shard = 0",
          [run, missing.map((step) => step.node)],
        );
        const texts = new Map(rows.map((row) => [row.node, row.output]));
        for (const { node, doneSeq } of missing) {
          const text = texts.get(node) ?? null;
          known.bytes += text?.length ?? 0;
          known.outputs.set(node, { doneSeq, output: text === null ? null : parse(text) });
        }
      }
      // Set anew also when it was known: its size may have grown.
      kept.set(run, { ...known });
      return { input: known.input, outputs: new Map(done.map(({ node }) => [node, known.outputs.get(node)?.output])) };
    },
  };
}

async function readInput(tx: Queryable, run: string): Promise<Kept> {
  const { rows } = await tx.query<{ input: string }>("SELECT input::text AS input FROM run WHERE id = $1", [run]);
  const text = rows[0]?.input ?? "null";
  return { input: parse(text), outputs: new Map(), bytes: text.length };
}

function parse(text: string): unknown {
  return JSON.parse(text);
}

/** Outputs of neighbouring shards; null where one did not succeed. */
export type OutputWindow = { readonly from: number; readonly to: number; readonly outputs: readonly unknown[] };

/** Outputs of the shards from one to another, both included. */
export async function readOutputs(
  tx: Queryable,
  run: string,
  node: string,
  from: number,
  to: number,
): Promise<OutputWindow> {
  const { rows } = await tx.query<{ shard: number; output: unknown }>(
    `SELECT shard, output FROM step
     WHERE run = $1 AND node = $2 AND shard BETWEEN $3 AND $4 AND state = 'succeeded'`,
    [run, node, from, to],
  );
  const outputs: unknown[] = Array.from({ length: Math.max(0, to - from + 1) }, () => null);
  for (const { shard, output } of rows) outputs[shard - from] = output;
  return { from, to, outputs };
}

/** The rows of shards from one to another, outputs included, by key. */
export async function readShards(
  tx: Queryable,
  run: string,
  node: string,
  from: number,
  to: number,
): Promise<ReadonlyMap<string, StepState>> {
  const { rows } = await tx.query<StepRow>(
    `SELECT ${STEP_HEAD_COLUMNS}, output FROM step WHERE run = $1 AND node = $2 AND shard BETWEEN $3 AND $4`,
    [run, node, from, to],
  );
  return byKey(rows);
}

/** The rows of shards that are not settled, by key. */
export async function readOpenShards(tx: Queryable, run: string): Promise<ReadonlyMap<string, StepState>> {
  const { rows } = await tx.query<StepRow>(`SELECT ${STEP_HEAD_COLUMNS}, output FROM step WHERE live AND run = $1`, [
    run,
  ]);
  return byKey(rows);
}
