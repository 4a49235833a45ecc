import type { Queryable } from "@agentmesh/postgres";

/** One tenant's rows from before a time, the oldest first, at most so many of them. */
export type Old = { readonly tenant: string; readonly before: Date; readonly limit: number };

const TABLES = ["agent_run", "agent_session", "agent_memory", "effect"] as const;

/** All tenants that have something here. Each look is a step in an index, however many rows a tenant has. */
export async function readTenants(db: Queryable): Promise<string[]> {
  const of = TABLES.map(
    (table) => `SELECT tenant FROM (
      WITH RECURSIVE t AS (
        SELECT min(tenant) AS tenant FROM ${table}
        UNION ALL SELECT (SELECT min(tenant) FROM ${table} WHERE tenant > t.tenant) FROM t WHERE t.tenant IS NOT NULL
      ) SELECT tenant FROM t WHERE tenant IS NOT NULL) AS ${table}_tenants`,
  );
  const { rows } = await db.query<{ tenant: string }>(of.join(" UNION "));
  return rows.map(({ tenant }) => tenant);
}

/** Runs and what users thought of them. Ids begin with the time, so they need no further index. @returns how many runs */
export async function deleteOldRuns(db: Queryable, { tenant, before, limit }: Old): Promise<number> {
  const { rowCount } = await db.query(
    `WITH old AS (SELECT id FROM agent_run WHERE tenant = $1 AND id < $2 ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED),
     rated AS (DELETE FROM agent_run_rating r USING old WHERE r.tenant = $1 AND r.run_id = old.id)
     DELETE FROM agent_run a USING old WHERE a.tenant = $1 AND a.id = old.id`,
    [tenant, firstIdOf(before), limit],
  );
  return rowCount;
}

function firstIdOf(at: Date): string {
  const time = Math.max(0, at.getTime()).toString(16).padStart(12, "0");
  return `${time.slice(0, 8)}-${time.slice(8)}-0000-0000-000000000000`;
}

/** Sessions in which nothing was said since, with their turns; not one that a run is in or waits for. @returns how many */
export async function deleteIdleSessions(db: Queryable, { tenant, before, limit }: Old): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM agent_session s USING (
       SELECT agent, subject, session FROM agent_session i WHERE tenant = $1 AND updated_at < $2 AND NOT EXISTS (
         SELECT 1 FROM live_run l WHERE l.tenant = $1 AND l.agent = i.agent AND l.session_subject = i.subject
           AND l.session = i.session)
       ORDER BY updated_at LIMIT $3 FOR UPDATE SKIP LOCKED) old
     WHERE s.tenant = $1 AND s.agent = old.agent AND s.subject = old.subject AND s.session = old.session`,
    [tenant, before, limit],
  );
  return rowCount;
}

/** Facts that were not said again since. @returns how many */
export async function deleteOldFacts(db: Queryable, { tenant, before, limit }: Old): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM agent_memory m USING (
       SELECT subject, agent, hash FROM agent_memory WHERE tenant = $1 AND at < $2
       ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED) old
     WHERE m.tenant = $1 AND m.subject = old.subject AND m.agent = old.agent AND m.hash = old.hash`,
    [tenant, before, limit],
  );
  return rowCount;
}

/** Intents that no run will settle; what their calls cost, cost knows from the hold. @returns how many */
export async function deleteLostIntents(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM model_call_intent WHERE ctid = ANY (ARRAY(
       SELECT i.ctid FROM model_call_intent i WHERE at < $1
         AND NOT EXISTS (SELECT 1 FROM live_run l WHERE l.tenant = i.tenant AND l.id = i.run_id)
       LIMIT $2))`,
    [before, limit],
  );
  return rowCount;
}
