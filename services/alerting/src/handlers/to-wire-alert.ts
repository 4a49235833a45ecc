import type { Alert as WireAlert } from "@agentmesh/proto/alerting";
import type { Alert } from "../domain/alert.ts";
import { toWireState } from "../wire-state.ts";

export function toWireAlert(alert: Alert): WireAlert {
  const { id, rule, labels, severity, summary, value, threshold, runbook, startedAt, changedAt, acknowledgedBy } =
    alert;
  return {
    id,
    rule,
    labels: { ...labels },
    state: toWireState(alert.state),
    severity,
    summary,
    value,
    threshold,
    runbook,
    startedAt,
    changedAt,
    acknowledgedBy,
  };
}
