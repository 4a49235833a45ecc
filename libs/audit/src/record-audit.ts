import { emitAll } from "@agentmesh/bus";
import { newId } from "@agentmesh/ids";
import type { Queryable, Transaction } from "@agentmesh/postgres";
import { AuditEntry } from "@agentmesh/proto/compliance";
import { auditRecordedEvent } from "@agentmesh/proto/compliance.contract";

/** What to say of an action; see AuditEntry in the contract for each field. */
export type AuditRecord = {
  readonly tenant: string;
  readonly service: string;
  readonly subject: string;
  readonly action: string;
  readonly resource: string;
  readonly outcome: "allowed" | "denied" | "succeeded" | "failed";
  readonly actors?: readonly string[];
  readonly reason?: string;
  readonly requestId?: string;
  readonly traceId?: string;
  readonly classification?: string;
  /** Lower-case hex of SHA-256. */
  readonly requestHash?: string;
  readonly replyHash?: string;
};

/**
 * Records an action in the transaction that makes it true: it commits with the state, leaves through the outbox, and
 * compliance takes it into the tenant's tree once, whatever is delivered twice.
 *
 * @param at when it happened
 */
export async function recordAudit(
  tx: Transaction | Queryable,
  record: AuditRecord,
  at: Date = new Date(),
): Promise<void> {
  await recordAudits(tx, [record], at);
}

// An entry has a few hundred bytes; a message may have a mebibyte.
const MAX_ENTRIES = 100;

/** `recordAudit` for many actions in one statement; those of a tenant travel together. */
export async function recordAudits(
  tx: Transaction | Queryable,
  records: readonly AuditRecord[],
  at: Date = new Date(),
): Promise<void> {
  const entries = records.map(({ actors = [], ...rest }) =>
    AuditEntry.fromPartial({ ...rest, actors: [...actors], id: newId(), at }),
  );
  const together = Map.groupBy(entries, (entry) => `${entry.service}/${entry.tenant}`);
  await emitAll(tx, auditRecordedEvent, [...together.values()].flatMap(eventsOf));
}

function eventsOf(entries: readonly AuditEntry[]) {
  return Array.from({ length: Math.ceil(entries.length / MAX_ENTRIES) }, (_, chunk) => {
    const [entry = AuditEntry.create(), ...more] = entries.slice(chunk * MAX_ENTRIES, (chunk + 1) * MAX_ENTRIES);
    return { tenant: entry.tenant, publisher: entry.service, data: { entryId: entry.id, entry, more } };
  });
}
