import type { Queryable } from "@agentmesh/postgres";

export type MemoryKey = { readonly tenant: string; readonly subject: string; readonly agent: string };

/** The newest first. */
export async function readFacts(db: Queryable, key: MemoryKey, limit: number): Promise<string[]> {
  const { rows } = await db.query<{ fact: string }>(
    "SELECT fact FROM agent_memory WHERE tenant = $1 AND subject = $2 AND agent = $3 ORDER BY at DESC, hash LIMIT $4",
    [key.tenant, key.subject, key.agent, limit],
  );
  return rows.map(({ fact }) => fact);
}

/** What is known already counts as said again; the oldest go beyond `keep`. */
export async function storeFacts(
  tx: Queryable,
  key: MemoryKey,
  facts: readonly { hash: string; fact: string }[],
  run: { readonly id: string; readonly at: Date; readonly keep: number },
): Promise<void> {
  const owner = [key.tenant, key.subject, key.agent];
  await tx.query(
    `INSERT INTO agent_memory (tenant, subject, agent, hash, fact, run_id, at)
     SELECT $1, $2, $3, f.hash, f.fact, $6, $7 FROM unnest($4::text[], $5::text[]) AS f (hash, fact) ORDER BY f.hash
     ON CONFLICT (tenant, subject, agent, hash) DO UPDATE SET at = EXCLUDED.at, run_id = EXCLUDED.run_id`,
    [...owner, facts.map(({ hash }) => hash), facts.map(({ fact }) => fact), run.id, run.at],
  );
  await tx.query(
    `DELETE FROM agent_memory WHERE tenant = $1 AND subject = $2 AND agent = $3 AND hash IN (
       SELECT hash FROM agent_memory WHERE tenant = $1 AND subject = $2 AND agent = $3 ORDER BY at DESC, hash OFFSET $4)`,
    [...owner, run.keep],
  );
}

/** Of one agent, or of all with an empty name. @returns how many */
export async function eraseFacts(db: Queryable, { tenant, subject, agent }: MemoryKey): Promise<number> {
  const { rowCount } = await db.query(
    "DELETE FROM agent_memory WHERE tenant = $1 AND subject = $2 AND ($3 = '' OR agent = $3)",
    [tenant, subject, agent],
  );
  return rowCount;
}
