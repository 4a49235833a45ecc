import { AppError } from "@agentmesh/errors";
import type { AcknowledgeAlertRequest, Alert as WireAlert } from "@agentmesh/proto/alerting";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { announce } from "../events/publish.ts";
import { lockAlert, markAcknowledged } from "../store/alerts.ts";
import { toWireAlert } from "./to-wire-alert.ts";

/** The first to take an alert has it; asking again answers it as it is. */
export async function acknowledgeAlert(
  context: Context,
  request: AcknowledgeAlertRequest,
  call: Call,
): Promise<WireAlert> {
  const { tenant, subject } = requirePrincipal(call);
  const now = new Date();
  return context.db.transaction(async (tx) => {
    const alert = await lockAlert(tx, tenant, request.id);
    if (!alert) throw notFound(request.id);
    if (alert.acknowledgedBy !== "") return toWireAlert(alert);
    if (alert.state !== "active") throw notActive(alert);
    await markAcknowledged(tx, alert.id, subject, now);
    const acknowledged = { ...alert, state: "acknowledged", acknowledgedBy: subject, changedAt: now } as const;
    await announce(tx, [acknowledged], subject, now);
    tx.afterCommit(() => context.metrics.changed("acknowledged", alert.severity));
    return toWireAlert(acknowledged);
  });
}

function notFound(id: string): AppError {
  return new AppError("NOT_FOUND", `alert ${JSON.stringify(id.slice(0, 80))} does not exist; list what does`, {
    reason: "ALERT_NOT_FOUND",
    field: "id",
  });
}

function notActive(alert: { readonly id: string; readonly state: string }): AppError {
  return new AppError("FAILED_PRECONDITION", `alert ${alert.id} is ${alert.state}; only an active one can be taken`, {
    reason: "ALERT_NOT_ACTIVE",
    field: "id",
  });
}
