import type { Queryable } from "@agentmesh/postgres";
import type { Decision } from "./decide.ts";
import type { Report } from "./measure-process.ts";

export type HeldTarget = {
  readonly deployment: string;
  readonly replicas: number | null;
  readonly changed_at: Date | null;
  /** The database's clock, by which all replicas count. */
  readonly now: Date;
};

/** Takes or renews the leases of deployments. @returns those that this replica decides on */
export async function holdTargets(
  db: Queryable,
  holder: string,
  deployments: readonly string[],
  leaseMs: number,
): Promise<HeldTarget[]> {
  const { rows } = await db.query<HeldTarget>(
    `INSERT INTO scaling_target AS t (deployment, holder, lease_until)
     SELECT unnest($2::text[]), $1, now() + $3::int * interval '1 millisecond' ORDER BY 1
     ON CONFLICT (deployment) DO UPDATE SET holder = excluded.holder, lease_until = excluded.lease_until
       WHERE t.holder = excluded.holder OR t.lease_until < now()
     RETURNING deployment, replicas, changed_at, now() AS now`,
    [holder, deployments, leaseMs],
  );
  return rows;
}

export async function releaseTargets(db: Queryable, holder: string): Promise<void> {
  await db.query("UPDATE scaling_target SET lease_until = now() WHERE holder = $1 AND lease_until > now()", [holder]);
}

/**
 * Notes replicas and since when. @returns false when the lease is gone: then somebody else decides, and nothing may be
 * done on what was noted
 */
export async function noteReplicas(
  db: Queryable,
  holder: string,
  deployment: string,
  replicas: number,
  changedAt: Date | null,
): Promise<boolean> {
  const { rowCount } = await db.query(
    `UPDATE scaling_target SET replicas = $3, changed_at = $4
     WHERE deployment = $2 AND holder = $1 AND lease_until > now()`,
    [holder, deployment, replicas, changedAt],
  );
  return rowCount === 1;
}

export async function noteDecision(
  db: Queryable,
  holder: string,
  deployment: string,
  decision: Decision,
): Promise<void> {
  await db.query("UPDATE scaling_target SET decision = $3 WHERE deployment = $2 AND holder = $1", [
    holder,
    deployment,
    JSON.stringify(decision),
  ]);
}

/** Leaves this replica's figures, and removes those of replicas that are long gone. */
export async function writeReport(db: Queryable, replica: string, report: Report): Promise<void> {
  await db.query(
    `WITH gone AS (DELETE FROM scaling_report WHERE at < now() - interval '1 hour')
     INSERT INTO scaling_report (replica, at, report) VALUES ($1, now(), $2)
     ON CONFLICT (replica) DO UPDATE SET at = excluded.at, report = excluded.report`,
    [replica, JSON.stringify(report)],
  );
}

export async function removeReport(db: Queryable, replica: string): Promise<void> {
  await db.query("DELETE FROM scaling_report WHERE replica = $1", [replica]);
}

/** Reports that are not older than `maxAgeMs`. */
export async function readReports(db: Queryable, maxAgeMs: number): Promise<Report[]> {
  const { rows } = await db.query<{ report: Report }>(
    "SELECT report FROM scaling_report WHERE at > now() - $1::int * interval '1 millisecond'",
    [maxAgeMs],
  );
  return rows.map((row) => row.report);
}
