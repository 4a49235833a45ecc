import type { Queryable, Transaction } from "@agentmesh/postgres";

export type SessionKey = {
  readonly tenant: string;
  readonly agent: string;
  /** Empty: it is shared. */
  readonly subject: string;
  readonly session: string;
};

export type TurnRow = { turn: number; run_id: string; input: string; answer: string; at: Date };
export type SessionRow = {
  agent: string;
  subject: string;
  session: string;
  turns: number;
  summary: string;
  created_at: Date;
  updated_at: Date;
};

const KEY = "tenant = $1 AND agent = $2 AND subject = $3 AND session = $4";

function valuesOf({ tenant, agent, subject, session }: SessionKey): string[] {
  return [tenant, agent, subject, session];
}

/** The next place in the queue. The row stays locked until the commit, so that tickets commit in their order. */
export async function takeTicket(tx: Transaction, key: SessionKey): Promise<bigint> {
  const { rows } = await tx.query<{ ticket: bigint }>(
    `INSERT INTO agent_session AS s (tenant, agent, subject, session, next_ticket) VALUES ($1, $2, $3, $4, 2)
     ON CONFLICT (tenant, agent, subject, session) DO UPDATE SET next_ticket = s.next_ticket + 1, updated_at = now()
     RETURNING next_ticket - 1 AS ticket`,
    valuesOf(key),
  );
  return rows[0]?.ticket ?? 1n;
}

/** The fencing token of a turn, once no run with an earlier ticket is left; undefined until then. */
export async function claimTurn(db: Queryable, key: SessionKey, ticket: bigint): Promise<bigint | undefined> {
  const { rows } = await db.query<{ fence: bigint }>(
    `UPDATE agent_session SET fence = fence + 1 WHERE ${KEY} AND NOT EXISTS (
       SELECT 1 FROM live_run l WHERE l.tenant = $1 AND l.agent = $2 AND l.session_subject = $3 AND l.session = $4
         AND l.ticket < $5)
     RETURNING fence`,
    [...valuesOf(key), ticket],
  );
  return rows[0]?.fence;
}

/** False: another run has had its turn since. */
export async function countTurn(
  tx: Queryable,
  key: SessionKey,
  fence: bigint,
  summary: string,
): Promise<number | undefined> {
  const { rows } = await tx.query<{ turns: number }>(
    `UPDATE agent_session SET turns = turns + 1, summary = $6, updated_at = now() WHERE ${KEY} AND fence = $5
     RETURNING turns`,
    [...valuesOf(key), fence, summary],
  );
  return rows[0]?.turns;
}

export async function insertTurn(tx: Queryable, key: SessionKey, row: TurnRow): Promise<void> {
  await tx.query(
    `INSERT INTO agent_session_turn (tenant, agent, subject, session, turn, run_id, input, answer, at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [...valuesOf(key), row.turn, row.run_id, row.input, row.answer, row.at],
  );
}

export async function deleteTurnsUpTo(tx: Queryable, key: SessionKey, turn: number): Promise<void> {
  await tx.query(`DELETE FROM agent_session_turn WHERE ${KEY} AND turn <= $5`, [...valuesOf(key), turn]);
}

export async function readTurns(db: Queryable, key: SessionKey): Promise<TurnRow[]> {
  const { rows } = await db.query<TurnRow>(
    `SELECT turn, run_id, input, answer, at FROM agent_session_turn WHERE ${KEY} ORDER BY turn`,
    valuesOf(key),
  );
  return rows;
}

const COLUMNS = "agent, subject, session, turns, summary, created_at, updated_at";

export async function readSession(db: Queryable, key: SessionKey): Promise<SessionRow | undefined> {
  const { rows } = await db.query<SessionRow>(`SELECT ${COLUMNS} FROM agent_session WHERE ${KEY}`, valuesOf(key));
  return rows[0];
}

/** Own ones and shared ones, the last used first. */
export async function listSessions(
  db: Queryable,
  page: { tenant: string; agent: string; subject: string; skip: number; limit: number },
): Promise<SessionRow[]> {
  const { rows } = await db.query<SessionRow>(
    `SELECT ${COLUMNS} FROM agent_session WHERE tenant = $1 AND agent = $2 AND subject IN ($3, '')
     ORDER BY updated_at DESC, session LIMIT $4 OFFSET $5`,
    [page.tenant, page.agent, page.subject, page.limit, page.skip],
  );
  return rows;
}

/** Turns go along. "busy": a run is under way or waits in it. */
export async function deleteSession(tx: Transaction, key: SessionKey): Promise<"deleted" | "missing" | "busy"> {
  const { rows } = await tx.query(`SELECT 1 FROM agent_session WHERE ${KEY} FOR UPDATE`, valuesOf(key));
  if (rows.length === 0) return "missing";
  const live = await tx.query(
    "SELECT 1 FROM live_run WHERE tenant = $1 AND agent = $2 AND session_subject = $3 AND session = $4 LIMIT 1",
    valuesOf(key),
  );
  if (live.rows.length > 0) return "busy";
  await tx.query(`DELETE FROM agent_session WHERE ${KEY}`, valuesOf(key));
  return "deleted";
}
