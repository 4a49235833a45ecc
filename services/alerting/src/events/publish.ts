import { recordAudit } from "@agentmesh/audit";
import { emitAll } from "@agentmesh/bus";
import type { Transaction } from "@agentmesh/postgres";
import { alertChangedEvent } from "@agentmesh/proto/alerting.contract";
import type { Alert } from "../domain/alert.ts";
import { toWireState } from "../wire-state.ts";

/** The event and the audit entry of each changed alert. */
export async function announce(tx: Transaction, alerts: readonly Alert[], subject: string, now: Date): Promise<void> {
  await emitAll(
    tx,
    alertChangedEvent,
    alerts.map(({ tenant, id, rule, state, severity, value }) => ({
      tenant,
      data: { alertId: id, rule, state: toWireState(state), severity, value },
    })),
  );
  for (const { tenant, id, rule, state } of alerts) {
    const record = { tenant, service: "alerting", subject, resource: `Alert/${id}`, outcome: "succeeded" } as const;
    await recordAudit(tx, { ...record, action: `alert.${state}`, reason: rule }, now);
  }
}
