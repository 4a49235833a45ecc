import type { Transaction } from "@agentmesh/postgres";
import { AuditEntry } from "@agentmesh/proto/compliance";
import type { Context } from "./context.ts";
import { appendLeaves, type Frontier, leafHash } from "./domain/merkle.ts";
import { type EntryRow, insertEntries, insertNodes, knownIds, lockTrees, writeTree } from "./store/trail.ts";

/**
 * Appends entries to their tenants' trees in the caller's transaction, each id once. Locking a tenant's tree makes
 * this transaction its sequencer: sequences have no gap and no fork over all replicas.
 */
export async function appendEntries(
  context: Pick<Context, "metrics">,
  tx: Transaction,
  entries: readonly AuditEntry[],
): Promise<number> {
  const byTenant = Map.groupBy(entries, (entry) => entry.tenant);
  const trees = await lockTrees(tx, [...byTenant.keys()]);
  let appended = 0;
  for (const [tenant, all] of byTenant) {
    const frontier = trees.get(tenant);
    if (frontier) appended += await appendToTree(tx, tenant, frontier, all);
  }
  tx.afterCommit(() => context.metrics.appended(appended));
  return appended;
}

async function appendToTree(
  tx: Transaction,
  tenant: string,
  frontier: Frontier,
  entries: readonly AuditEntry[],
): Promise<number> {
  const unique = [...new Map(entries.map((entry) => [entry.id, entry])).values()];
  const known = await knownIds(
    tx,
    tenant,
    unique.map((entry) => entry.id),
  );
  const fresh = unique.filter((entry) => !known.has(entry.id));
  if (fresh.length === 0) return 0;
  const rows = fresh.map((entry, offset) => rowOf(entry, frontier.size + BigInt(offset)));
  const grown = appendLeaves(
    frontier,
    rows.map((row) => leafHash(row.body)),
  );
  await insertEntries(tx, rows);
  await insertNodes(tx, tenant, grown.nodes);
  await writeTree(tx, tenant, grown.frontier);
  return fresh.length;
}

/** The leaf's data is the entry's protobuf with its sequence in it: an entry moved elsewhere is another leaf. */
function rowOf(entry: AuditEntry, seq: bigint): EntryRow {
  const at = entry.at ?? new Date();
  const body = Buffer.from(AuditEntry.encode({ ...entry, at, seq }).finish());
  return {
    tenant: entry.tenant,
    seq,
    id: entry.id,
    body,
    at,
    subject: entry.subject,
    action: entry.action,
    request_id: entry.requestId,
  };
}
