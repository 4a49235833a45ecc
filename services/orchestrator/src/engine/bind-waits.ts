import type { Transaction } from "@agentmesh/postgres";
import type { StoredResource } from "@agentmesh/resources";
import { workflowSpec } from "../domain/workflow-spec.ts";
import { declareMatches } from "../store/event-matches.ts";

/** Notes which events a workflow waits for, in the transaction that changes it, so that they are kept from then on. */
export async function bindWaits(tx: Transaction, row: StoredResource): Promise<void> {
  if (row.kind !== "Workflow" || row.deleted) return;
  const spec = workflowSpec.parse(row.spec);
  const matches = spec.steps.flatMap((step) => {
    if (step.kind !== "wait" || !step.event) return [];
    const { publisher, type, match = "" } = step.event;
    return [{ tenant: row.tenant, publisher, type, match }];
  });
  await declareMatches(tx, matches);
}
