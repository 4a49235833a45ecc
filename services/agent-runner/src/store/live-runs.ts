import type { Queryable, Transaction } from "@agentmesh/postgres";

export type LiveRow = {
  tenant: string;
  id: string;
  agent: string;
  subject: string;
  department: string;
  project: string;
  epoch: number;
  had_effect: boolean;
  cancelled: boolean;
  session: string | null;
  session_subject: string | null;
  ticket: bigint | null;
  request: Buffer;
  request_id: string;
  started_at: Date;
  deadline_at: Date;
};

/** A run as it is known by everything that is fenced: under another epoch it is another's. */
export type LiveKey = { readonly tenant: string; readonly id: string; readonly epoch: number };

const COLUMNS = `l.tenant, l.id, l.agent, l.subject, l.department, l.project, l.epoch, l.had_effect, l.cancelled, l.session,
  l.session_subject, l.ticket, l.request, l.request_id, l.started_at, l.deadline_at`;
// The owner of runs that a replica gave up: none.
const NOBODY = "00000000-0000-0000-0000-000000000000";

export async function insertLiveRun(tx: Queryable, owner: string, row: LiveRow): Promise<void> {
  await tx.query(
    `INSERT INTO live_run (tenant, id, agent, subject, department, project, owner, epoch, session, session_subject, ticket,
       request, request_id, started_at, deadline_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      row.tenant,
      row.id,
      row.agent,
      row.subject,
      row.department,
      row.project,
      owner,
      row.epoch,
      row.session,
      row.session_subject,
      row.ticket,
      row.request,
      row.request_id,
      row.started_at,
      row.deadline_at,
    ],
  );
}

export async function readLiveRun(db: Queryable, tenant: string, id: string): Promise<LiveRow | undefined> {
  const { rows } = await db.query<LiveRow>(`SELECT ${COLUMNS} FROM live_run l WHERE tenant = $1 AND id = $2`, [
    tenant,
    id,
  ]);
  return rows[0];
}

/** False: another replica has it. */
export async function deleteLiveRun(tx: Queryable, { tenant, id, epoch }: LiveKey): Promise<boolean> {
  const { rowCount } = await tx.query("DELETE FROM live_run WHERE tenant = $1 AND id = $2 AND epoch = $3", [
    tenant,
    id,
    epoch,
  ]);
  return rowCount === 1;
}

/** Gives a run up at once; whoever sweeps next takes it. False: another replica has it. */
export async function releaseLiveRun(db: Queryable, { tenant, id, epoch }: LiveKey): Promise<boolean> {
  const { rowCount } = await db.query("UPDATE live_run SET owner = $4 WHERE tenant = $1 AND id = $2 AND epoch = $3", [
    tenant,
    id,
    epoch,
    NOBODY,
  ]);
  return rowCount === 1;
}

/** @returns false when another replica has the run */
export async function noteEffect(db: Queryable, { tenant, id, epoch }: LiveKey): Promise<boolean> {
  const { rowCount } = await db.query(
    "UPDATE live_run SET had_effect = true WHERE tenant = $1 AND id = $2 AND epoch = $3",
    [tenant, id, epoch],
  );
  return rowCount === 1;
}

export async function askToCancel(db: Queryable, tenant: string, id: string): Promise<boolean> {
  const { rowCount } = await db.query("UPDATE live_run SET cancelled = true WHERE tenant = $1 AND id = $2", [
    tenant,
    id,
  ]);
  return rowCount === 1;
}

/** What a replica is the owner of. */
export async function readOwned(
  db: Queryable,
  owner: string,
): Promise<{ tenant: string; id: string; epoch: number; cancelled: boolean }[]> {
  const { rows } = await db.query<{ tenant: string; id: string; epoch: number; cancelled: boolean }>(
    "SELECT tenant, id, epoch, cancelled FROM live_run WHERE owner = $1",
    [owner],
  );
  return rows;
}

/** Takes runs over whose owner is dead or gave them up; each counts one epoch up. */
export async function takeOrphans(tx: Transaction, owner: string, limit: number): Promise<LiveRow[]> {
  const { rows } = await tx.query<LiveRow>(
    `UPDATE live_run l SET owner = $1, epoch = l.epoch + 1
     FROM (SELECT o.tenant, o.id FROM live_run o LEFT JOIN runner_replica r ON r.id = o.owner
           WHERE r.id IS NULL OR r.lease_until < now()
           ORDER BY o.started_at LIMIT $2 FOR UPDATE OF o SKIP LOCKED) orphan
     WHERE l.tenant = orphan.tenant AND l.id = orphan.id
     RETURNING ${COLUMNS}`,
    [owner, limit],
  );
  return rows;
}
