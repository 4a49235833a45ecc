import type { Queryable } from "@agentmesh/postgres";

/** What happened elsewhere and a run must hear of. Data is small: what is large is read where it is kept. */
export type Signal =
  | {
      readonly kind: "child-ended";
      readonly run: string;
      /** Id of the child. */
      readonly ref: string;
      readonly data: {
        readonly node: string;
        readonly shard: number;
        readonly phase: "succeeded" | "failed" | "cancelled";
        readonly failure?: { readonly code: string; readonly message: string; readonly retryable: boolean } | undefined;
      };
    }
  | {
      readonly kind: "cancel";
      readonly run: string;
      readonly ref: undefined;
      readonly data: { readonly by: string; readonly reason: string };
    }
  | {
      readonly kind: "pause" | "resume";
      readonly run: string;
      readonly ref: undefined;
      /** Of the parent: its seq when it said so. */
      readonly data: { readonly by: string; readonly parentSeq: number };
    }
  | {
      readonly kind: "event";
      readonly run: string;
      /** Id in arrived_event. */
      readonly ref: string;
      readonly data: { readonly node: string; readonly shard: number };
    };

export type TakenSignal = Signal & {
  readonly id: bigint;
  /** Of a child that ended: what its row says. */
  readonly output: unknown;
  readonly cost: bigint | null;
  /** Of an event: what arrived. */
  readonly event: { readonly id: string; readonly type: string; readonly data: unknown; readonly time: string } | null;
};

export async function insertSignals(tx: Queryable, signals: readonly Signal[]): Promise<void> {
  if (signals.length === 0) return;
  await tx.query(
    "INSERT INTO run_signal (run, kind, ref, data) SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::json[])",
    [
      signals.map((signal) => signal.run),
      signals.map((signal) => signal.kind),
      signals.map((signal) => signal.ref ?? null),
      signals.map((signal) => JSON.stringify(signal.data)),
    ],
  );
}

/**
 * Takes signals that nobody else holds, oldest first, with what they point to.
 *
 * @param run only those of this run
 */
export async function takeSignals(tx: Queryable, limit: number, run?: string): Promise<TakenSignal[]> {
  const { rows } = await tx.query<TakenSignal>(
    `WITH taken AS MATERIALIZED (
       SELECT id, run, kind, ref, data FROM run_signal WHERE due_at <= now() AND ($2::uuid IS NULL OR run = $2)
       ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED
     )
     SELECT t.id, t.run, t.kind, t.ref, t.data, c.output, c.cost_nano_usd AS cost,
       CASE WHEN a.id IS NULL THEN NULL
         ELSE json_build_object('id', a.event_id, 'type', a.type, 'data', a.data, 'time',
           to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END AS event
     FROM taken t
     LEFT JOIN run c ON t.kind = 'child-ended' AND c.id = CASE WHEN t.kind = 'child-ended' THEN t.ref::uuid END
     LEFT JOIN arrived_event a ON t.kind = 'event' AND a.id = CASE WHEN t.kind = 'event' THEN t.ref::bigint END
     ORDER BY t.id`,
    [limit, run ?? null],
  );
  return rows;
}

export async function deleteSignals(tx: Queryable, ids: readonly bigint[]): Promise<void> {
  if (ids.length > 0) await tx.query("DELETE FROM run_signal WHERE id = ANY($1::bigint[])", [ids]);
}

/** Lets signals wait a minute. */
export async function postponeSignals(tx: Queryable, ids: readonly bigint[]): Promise<void> {
  if (ids.length === 0) return;
  await tx.query("UPDATE run_signal SET due_at = now() + interval '1 minute' WHERE id = ANY($1::bigint[])", [ids]);
}

/** The runs of the signals that are taken next. */
export async function listSignalled(db: Queryable, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ run: string }>(
    "SELECT DISTINCT run FROM (SELECT run FROM run_signal WHERE due_at <= now() ORDER BY id LIMIT $1) AS next",
    [limit],
  );
  return rows.map((row) => row.run);
}

/** Lets all signals of a run wait a minute. */
export async function postponeSignalsOf(db: Queryable, run: string): Promise<void> {
  await db.query("UPDATE run_signal SET due_at = now() + interval '1 minute' WHERE run = $1 AND due_at <= now()", [
    run,
  ]);
}

/** How many signals wait, counted up to a bound. */
export async function countSignals(db: Queryable, bound: number): Promise<number> {
  const { rows } = await db.query<{ count: number }>(
    "SELECT count(*)::int AS count FROM (SELECT 1 FROM run_signal LIMIT $1) AS waiting",
    [bound],
  );
  return rows[0]?.count ?? 0;
}
