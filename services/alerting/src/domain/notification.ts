import type { Alert } from "./alert.ts";

export type NotificationKind = "active" | "resolved";

/** The same for every send of a notification, and never another's: what a receiver drops repeats by. */
export function dedupeKey(alertId: string, channel: string, kind: NotificationKind): string {
  return `${alertId}:${channel}:${kind}`;
}

/** What a webhook receives, as text: the signature is over these bytes, so they are kept and not made again. */
export function bodyOf(alert: Alert, kind: NotificationKind, key: string): string {
  const { id, rule, labels, severity, state, summary, value, threshold, runbook, startedAt, changedAt } = alert;
  return JSON.stringify({
    id: key,
    type: `alert.${kind}`,
    tenant: alert.tenant,
    text: sentence(alert, kind),
    alert: { id, rule, labels, severity, state, summary, value, threshold, runbook, startedAt, changedAt },
  });
}

function sentence(alert: Alert, kind: NotificationKind): string {
  const labels = Object.entries(alert.labels).map(([name, value]) => `${name}=${value}`);
  const where = labels.length > 0 ? ` (${labels.join(", ")})` : "";
  const figures = `${round(alert.value)}, threshold ${round(alert.threshold)}`;
  const head = kind === "resolved" ? "resolved" : alert.severity;
  return `[${head}] ${alert.rule}${where}: ${alert.summary} — ${figures}`;
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
