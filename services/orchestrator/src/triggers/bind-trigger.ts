import { subjectToken } from "@agentmesh/bus";
import { sha256Hex } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { StoredResource } from "@agentmesh/resources";
import { triggerSpec } from "../domain/workflow-spec.ts";
import { deleteBinding, markGone, readBinding, writeBinding } from "../store/trigger-bindings.ts";

/**
 * Keeps a trigger's consumer in step with its resource, in the transaction that changes it. A trigger listens from when
 * it was made or its event was changed; a change of anything else keeps the consumer and its place in the stream.
 */
export async function bindTrigger(tx: Transaction, row: StoredResource): Promise<void> {
  if (row.kind !== "Trigger") return;
  const { tenant, name, version } = row;
  const before = await readBinding(tx, tenant, name);
  if (row.deleted) {
    if (before) await markGone(tx, before.durable);
    await deleteBinding(tx, tenant, name);
    return;
  }
  const { event } = triggerSpec.parse(row.spec);
  const filter = `evt.${subjectToken(tenant)}.${event.publisher}.${event.type}.>`;
  const kept = before?.filter === filter ? before : undefined;
  if (before && !kept) await markGone(tx, before.durable);
  const since = kept?.since ?? row.applied_at;
  await writeBinding(tx, {
    tenant,
    name,
    version,
    spec: row.spec,
    filter,
    durable: kept?.durable ?? durableName(tenant, name, `${filter}@${since.toISOString()}`),
    since,
  });
}

/** One for each trigger, event and time: a trigger that is made again does not go on where the old one stopped. */
function durableName(tenant: string, name: string, what: string): string {
  return `orchestrator-trigger-${subjectToken(tenant)}-${name}-${sha256Hex(what).slice(0, 12)}`;
}
