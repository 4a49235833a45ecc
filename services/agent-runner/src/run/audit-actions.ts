import { hostname } from "node:os";
import { recordAudits } from "@agentmesh/audit";
import type { Database } from "@agentmesh/postgres";
import type { Action } from "../domain/optimise.ts";

/**
 * Tells tenants what the optimiser did, in their audit: an agent's own tenant; those that use a model; for what the whole
 * process is subject to, those with runs in the window.
 */
export async function auditActions(
  db: Database,
  actions: readonly Action[],
  concerned: { readonly byModel: (model: string) => readonly string[]; readonly all: readonly string[] },
): Promise<void> {
  const records = actions.flatMap((action) => {
    const { tenants, resource } = whatOf(action, concerned);
    const { kind, reason } = action;
    return tenants.map((tenant) => ({
      tenant,
      service: "agent-runner",
      subject: "system:agent-runner",
      action: `optimiser.${kind}`,
      resource,
      outcome: "succeeded" as const,
      reason: "share" in action ? `to ${Math.round(action.share * 100)} %: ${reason}` : reason,
    }));
  });
  if (records.length > 0) await db.transaction((tx) => recordAudits(tx, records));
}

function whatOf(action: Action, { byModel, all }: Parameters<typeof auditActions>[2]) {
  if ("agent" in action) {
    const [tenant = "", agent = ""] = action.agent.split("/");
    return { tenants: [tenant], resource: `Agent/${agent}` };
  }
  if ("model" in action) return { tenants: byModel(action.model), resource: `Model/${action.model}` };
  return { tenants: all, resource: `Replica/${hostname()}` };
}
