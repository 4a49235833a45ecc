import { AppError } from "@agentmesh/errors";
import { AuditEntry, type AuditProof, type GetAuditProofRequest } from "@agentmesh/proto/compliance";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { inclusionRanges, joinSubtrees, subtreesOf } from "../domain/merkle.ts";
import { checkpointCovering } from "../store/checkpoints.ts";
import { findEntry, readNodes } from "../store/trail.ts";

const ID = /^[0-9a-f-]{36}$/;

export async function getAuditProof(context: Context, request: GetAuditProofRequest, call: Call): Promise<AuditProof> {
  const { tenant } = requirePrincipal(call);
  const row = ID.test(request.entryId) ? await findEntry(context.db, tenant, request.entryId) : undefined;
  if (!row) {
    throw new AppError("NOT_FOUND", `the audit trail has no entry ${JSON.stringify(request.entryId)}`, {
      field: "entry_id",
    });
  }
  const checkpoint = await checkpointCovering(context.db, tenant, row.seq);
  if (!checkpoint) {
    throw new AppError(
      "UNAVAILABLE",
      `entry ${row.id} is not under a signed checkpoint yet; try again in a few seconds`,
      {
        reason: "NOT_SIGNED_YET",
        retryAfterMs: 5000,
      },
    );
  }
  const siblings = inclusionRanges(row.seq, checkpoint.size).map(({ start, end }) => subtreesOf(start, end));
  const hashes = await readNodes(context.db, tenant, siblings.flat());
  const path = siblings.map((parts) =>
    joinSubtrees(parts.map(({ level, index }) => hashes.get(`${level}/${index}`) ?? Buffer.alloc(0))),
  );
  return { entry: AuditEntry.decode(row.body), path, treeSize: checkpoint.size, checkpoint: checkpoint.note };
}
