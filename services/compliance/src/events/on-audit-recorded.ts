import type { Received } from "@agentmesh/bus";
import { AppError } from "@agentmesh/errors";
import type { Transaction } from "@agentmesh/postgres";
import type { AuditEntry, AuditRecorded } from "@agentmesh/proto/compliance";
import { appendEntries } from "../append.ts";
import type { Context } from "../context.ts";

/** Entries that services recorded with their state join the tree. */
export async function onAuditRecorded(
  context: Context,
  tx: Transaction,
  events: readonly Received<AuditRecorded>[],
): Promise<void> {
  await appendEntries(context, tx, events.flatMap(entriesOf));
}

/** Tenant and service are those of the subject, which the account boundary stamps, whatever the body says. */
function entriesOf({ tenant, publisher, id, data }: Received<AuditRecorded>): AuditEntry[] {
  if (!data.entry) throw new AppError("INVALID_ARGUMENT", `audit.recorded ${id} has no entry`, { field: "entry" });
  return [data.entry, ...data.more].map((entry) => ({ ...entry, tenant, service: publisher }));
}
