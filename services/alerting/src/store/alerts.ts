import type { Queryable } from "@agentmesh/postgres";
import type { Alert, LiveAlert } from "../domain/alert.ts";
import type { AlertChange } from "../domain/decide-alerts.ts";
import type { LiveState } from "../domain/transition.ts";

const COLUMNS = `id, tenant, rule, labels_hash AS "labelsHash", labels, state, severity, summary, runbook, value, threshold,
  started_at AS "startedAt", changed_at AS "changedAt", acknowledged_by AS "acknowledgedBy"`;

export async function liveAlerts(db: Queryable): Promise<LiveAlert[]> {
  const { rows } = await db.query<LiveAlert>(`SELECT ${COLUMNS} FROM alert WHERE state <> 'resolved' ORDER BY id`);
  return rows;
}

export async function insertAlerts(tx: Queryable, alerts: readonly Alert[]): Promise<void> {
  if (alerts.length === 0) return;
  await tx.query(
    `INSERT INTO alert (id, tenant, rule, labels_hash, labels, state, severity, summary, runbook, value, threshold,
       started_at, changed_at)
     SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[], $8::text[],
       $9::text[], $10::double precision[], $11::double precision[], $12::timestamptz[], $13::timestamptz[])`,
    [
      alerts.map((alert) => alert.id),
      alerts.map((alert) => alert.tenant),
      alerts.map((alert) => alert.rule),
      alerts.map((alert) => alert.labelsHash),
      alerts.map((alert) => JSON.stringify(alert.labels)),
      alerts.map((alert) => alert.state),
      ...figures(alerts),
      alerts.map((alert) => alert.startedAt),
      alerts.map((alert) => alert.changedAt),
    ],
  );
}

/** Moves alerts that are still in the state they were decided from; answers the ids of those that moved. */
export async function moveAlerts(tx: Queryable, changes: readonly AlertChange[]): Promise<Set<string>> {
  if (changes.length === 0) return new Set();
  const alerts = changes.map((change) => change.alert);
  const { rows } = await tx.query<{ id: string }>(
    `UPDATE alert a SET state = n.state, severity = n.severity, summary = n.summary, runbook = n.runbook,
       value = n.value, threshold = n.threshold, changed_at = n.changed_at
     FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::double precision[],
       $8::double precision[], $9::timestamptz[]) AS n (id, before, state, severity, summary, runbook, value, threshold,
       changed_at)
     WHERE a.id = n.id AND a.state = n.before RETURNING a.id`,
    [
      alerts.map((alert) => alert.id),
      changes.map((change) => change.from),
      alerts.map((alert) => alert.state),
      ...figures(alerts),
      alerts.map((alert) => alert.changedAt),
    ],
  );
  return new Set(rows.map((row) => row.id));
}

function figures(alerts: readonly Alert[]): unknown[][] {
  return [
    alerts.map((alert) => alert.severity),
    alerts.map((alert) => alert.summary),
    alerts.map((alert) => alert.runbook),
    alerts.map((alert) => alert.value),
    alerts.map((alert) => alert.threshold),
  ];
}

export async function refreshValues(tx: Queryable, alerts: readonly Alert[]): Promise<void> {
  if (alerts.length === 0) return;
  await tx.query(
    `UPDATE alert a SET value = n.value FROM unnest($1::text[], $2::double precision[]) AS n (id, value)
     WHERE a.id = n.id AND a.state <> 'resolved'`,
    [alerts.map((alert) => alert.id), alerts.map((alert) => alert.value)],
  );
}

/** Pending alerts that never became active leave no trace: nobody was told of them. */
export async function forgetAlerts(tx: Queryable, ids: readonly string[]): Promise<void> {
  if (ids.length > 0) await tx.query("DELETE FROM alert WHERE id = ANY($1) AND state = 'pending'", [ids]);
}

export async function lockAlert(tx: Queryable, tenant: string, id: string): Promise<Alert | undefined> {
  const { rows } = await tx.query<Alert>(`SELECT ${COLUMNS} FROM alert WHERE tenant = $1 AND id = $2 FOR UPDATE`, [
    tenant,
    id,
  ]);
  return rows[0];
}

export async function markAcknowledged(tx: Queryable, id: string, by: string, at: Date): Promise<void> {
  await tx.query("UPDATE alert SET state = 'acknowledged', acknowledged_by = $2, changed_at = $3 WHERE id = $1", [
    id,
    by,
    at,
  ]);
}

export type AlertPage = {
  readonly tenant: string;
  readonly state: LiveState | "resolved" | undefined;
  readonly after: { readonly rank: number; readonly changedAt: string; readonly id: string } | undefined;
  readonly limit: number;
};

const FIRST = { rank: -1, changedAt: "infinity", id: "" };

/** By rank of the state, active first, and the last changed first. */
export async function listAlerts(db: Queryable, page: AlertPage): Promise<(Alert & { rank: number })[]> {
  const after = page.after ?? FIRST;
  const { rows } = await db.query<Alert & { rank: number }>(
    `SELECT ${COLUMNS}, rank FROM alert WHERE tenant = $1 AND ($2::text IS NULL OR state = $2)
       AND (rank > $3 OR (rank = $3 AND (changed_at, id) < ($4::timestamptz, $5)))
     ORDER BY rank, changed_at DESC, id DESC LIMIT $6`,
    [page.tenant, page.state ?? null, after.rank, after.changedAt, after.id, page.limit],
  );
  return rows;
}

/** Forgets at most `limit` alerts resolved before a time, and with them their notifications. */
export async function deleteResolved(db: Queryable, before: Date, limit: number): Promise<number> {
  const { rowCount } = await db.query(
    `DELETE FROM alert WHERE id = ANY (ARRAY(
       SELECT id FROM alert WHERE state = 'resolved' AND changed_at < $1 LIMIT $2))`,
    [before, limit],
  );
  return rowCount;
}
