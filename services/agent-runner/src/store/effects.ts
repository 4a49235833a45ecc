import type { Queryable } from "@agentmesh/postgres";
import type { EffectRow } from "../domain/decide-effect.ts";
import type { EffectRows } from "../effects/have-once.ts";
import type { Old } from "./retention.ts";

// More is known to be done, and not what it answered.
const MAX_RESULT_BYTES = 1024 * 1024;

type Row = {
  state: EffectRow["state"];
  attempt: number;
  token: string;
  request_hash: string;
  result: string | null;
  busy_ms: number;
};

/** Effects in PostgreSQL, by its clock. */
export function effectRows(db: Queryable): EffectRows {
  return {
    async begin({ tenant, key, tool, attempt, token, requestHash, busyMs }) {
      const { rowCount } = await db.query(
        `INSERT INTO effect (tenant, key, tool, state, attempt, token, request_hash, busy_until)
         VALUES ($1, $2, $3, 'INTENT', $4, $5, $6, now() + $7 * interval '1 ms') ON CONFLICT DO NOTHING`,
        [tenant, key, tool, attempt, token, requestHash, busyMs],
      );
      return rowCount === 1 ? undefined : ((await read(db, tenant, key)) ?? { ...GONE, requestHash });
    },
    async take({ tenant, key, tool, attempt, token, requestHash, busyMs }, from) {
      const { rowCount } = await db.query(
        `UPDATE effect SET state = 'INTENT', tool = $3, attempt = $4, token = $5, request_hash = $6,
           busy_until = now() + $7 * interval '1 ms', at = now()
         WHERE tenant = $1 AND key = $2 AND token = $8 AND state <> 'DONE'`,
        [tenant, key, tool, attempt, token, requestHash, busyMs, from],
      );
      return rowCount === 1;
    },
    async finish({ tenant, key }, token, result) {
      const text = JSON.stringify(result) ?? "null";
      const kept = Buffer.byteLength(text) <= MAX_RESULT_BYTES ? text : null;
      const { rowCount } = await db.query(
        `UPDATE effect SET state = 'DONE', result = $4::json, busy_until = now(), at = now()
         WHERE tenant = $1 AND key = $2 AND token = $3 AND state <> 'DONE'`,
        [tenant, key, token, kept],
      );
      return rowCount === 1;
    },
    async settle({ tenant, key }, token, busyMs) {
      const { rowCount } = await db.query(
        `UPDATE effect SET busy_until = now() + $4 * interval '1 ms'
         WHERE tenant = $1 AND key = $2 AND token = $3 AND state = 'INTENT'`,
        [tenant, key, token, busyMs],
      );
      return rowCount === 1;
    },
    async drop({ tenant, key }, token) {
      const { rowCount } = await db.query(
        "DELETE FROM effect WHERE tenant = $1 AND key = $2 AND token = $3 AND state = 'INTENT'",
        [tenant, key, token],
      );
      return rowCount === 1;
    },
  };
}

/** Dropped between two statements: like one that is busy for a moment more, it is looked at again. */
const GONE = { state: "INTENT", attempt: 0, token: "", result: undefined, busyMs: 1 } as const;

async function read(db: Queryable, tenant: string, key: string): Promise<EffectRow | undefined> {
  const { rows } = await db.query<Row>(
    `SELECT state, attempt, token, request_hash, result::text AS result,
       (extract(epoch FROM busy_until - now()) * 1000)::float8 AS busy_ms
     FROM effect WHERE tenant = $1 AND key = $2`,
    [tenant, key],
  );
  const [row] = rows;
  if (!row) return undefined;
  const { state, attempt, token } = row;
  return { state, attempt, token, requestHash: row.request_hash, result: row.result ?? undefined, busyMs: row.busy_ms };
}

/**
 * The orchestrator took our word that nobody knows: from here on a higher attempt was asked for by a person.
 *
 * @param key of the step: its own effect, and those of the agents below it
 */
export async function markInDoubt(db: Queryable, tenant: string, key: string, attempt: number): Promise<void> {
  await db.query(
    `UPDATE effect SET state = 'IN_DOUBT', attempt = $3, at = now()
     WHERE tenant = $1 AND (key = $2 OR (key > $2 || ':' AND key < $2 || ';')) AND state = 'INTENT'`,
    [tenant, key, attempt],
  );
}

/** Forgets what effects were answered with, and not that they were had. @returns how many */
export async function forgetOldAnswers(db: Queryable, { tenant, before, limit }: Old): Promise<number> {
  const { rowCount } = await db.query(
    `UPDATE effect SET result = NULL WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM effect WHERE tenant = $1 AND at < $2 AND result IS NOT NULL LIMIT $3 FOR UPDATE SKIP LOCKED))`,
    [tenant, before, limit],
  );
  return rowCount;
}

/** A tool as it is declared now. */
export async function readDeclaredTool(
  db: Queryable,
  tenant: string,
  name: string,
): Promise<{ effect: string; type: string } | undefined> {
  const { rows } = await db.query<{ effect: string; type: string }>(
    `SELECT spec::jsonb ->> 'effect' AS effect, spec::jsonb -> 'source' ->> 'type' AS type FROM resource
      WHERE tenant = $1 AND kind = 'Tool' AND name = $2 AND NOT deleted`,
    [tenant, name],
  );
  return rows[0];
}

/**
 * Effects that no attempt will ask for any more.
 *
 * @param openBefore for those whose end is not known: a person may take long
 * @returns how many
 */
export async function deleteOldEffects(db: Queryable, before: Date, openBefore: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM effect WHERE ctid = ANY (ARRAY(
       SELECT ctid FROM effect WHERE at < $1 AND (state = 'DONE' OR at < $2)
       ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED))`,
    [before, openBefore, limit],
  );
  return rowCount;
}
