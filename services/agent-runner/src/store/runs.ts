import type { Queryable } from "@agentmesh/postgres";
import { AgentRun, type AgentRun as Run } from "@agentmesh/proto/runner";

type Row = { record: Buffer };

export async function insertRun(tx: Queryable, run: Run, stepKey: string): Promise<void> {
  await tx.query(
    "INSERT INTO agent_run (tenant, id, agent, state, ended_at, step_key, record) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [
      run.tenant,
      run.id,
      run.agent,
      run.state,
      run.endedAt,
      stepKey || null,
      Buffer.from(AgentRun.encode(run).finish()),
    ],
  );
}

export async function readRun(db: Queryable, tenant: string, id: string): Promise<Run | undefined> {
  const { rows } = await db.query<Row>("SELECT record FROM agent_run WHERE tenant = $1 AND id = $2", [tenant, id]);
  return rows[0] && AgentRun.decode(rows[0].record);
}

/** The run that answered a workflow step before, if it succeeded. */
export async function readRunOfStep(db: Queryable, tenant: string, stepKey: string): Promise<Run | undefined> {
  const { rows } = await db.query<Row>(
    "SELECT record FROM agent_run WHERE tenant = $1 AND step_key = $2 ORDER BY id LIMIT 1",
    [tenant, stepKey],
  );
  return rows[0] && AgentRun.decode(rows[0].record);
}

const LAST_ID = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** Newest first, older than the run `before` where given. */
export async function listRuns(
  db: Queryable,
  page: { readonly tenant: string; readonly agent: string; readonly before: string; readonly limit: number },
): Promise<Run[]> {
  const { tenant, agent, before, limit } = page;
  const { rows } = agent
    ? await db.query<Row>(
        "SELECT record FROM agent_run WHERE tenant = $1 AND agent = $2 AND id < $3 ORDER BY id DESC LIMIT $4",
        [tenant, agent, before || LAST_ID, limit],
      )
    : await db.query<Row>("SELECT record FROM agent_run WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3", [
        tenant,
        before || LAST_ID,
        limit,
      ]);
  return rows.map(({ record }) => AgentRun.decode(record));
}

/** Effects of the tools a tenant has, of those asked for, by their names. */
export async function readToolEffects(
  db: Queryable,
  tenant: string,
  names: readonly string[],
): Promise<Map<string, string>> {
  const { rows } = await db.query<{ name: string; effect: string }>(
    `SELECT name, spec::jsonb ->> 'effect' AS effect FROM resource
      WHERE tenant = $1 AND kind = 'Tool' AND name = ANY($2) AND NOT deleted`,
    [tenant, names],
  );
  return new Map(rows.map(({ name, effect }) => [name, effect]));
}
