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

/** `recordAudit` for many actions in one statement. */
export async function recordAudits(
  tx: Transaction | Queryable,
  records: readonly AuditRecord[],
  at: Date = new Date(),
): Promise<void> {
  await emitAll(
    tx,
    auditRecordedEvent,
    records.map(({ actors = [], ...rest }) => {
      const entry = AuditEntry.fromPartial({ ...rest, actors: [...actors], id: newId(), at });
      return { tenant: rest.tenant, publisher: rest.service, data: { entryId: entry.id, entry } };
    }),
  );
}
