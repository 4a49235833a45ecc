import { AppError } from "@agentmesh/errors";
import { AuditEntry, type ListAuditReply, type ListAuditRequest } from "@agentmesh/proto/compliance";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { findEntries } from "../store/trail.ts";

const DEFAULT_PAGE = 100;
const MAX_PAGE = 1000;
const NEWEST = 2n ** 62n;

export async function listAudit(context: Context, request: ListAuditRequest, call: Call): Promise<ListAuditReply> {
  const limit = Math.min(request.pageSize || DEFAULT_PAGE, MAX_PAGE);
  const rows = await findEntries(context.db, {
    tenant: requirePrincipal(call).tenant,
    subject: request.subject,
    action: request.action,
    requestId: request.requestId,
    beforeSeq: cursor(request.pageToken),
    limit,
  });
  const last = rows.at(-1);
  return {
    entries: rows.map((row) => AuditEntry.decode(row.body)),
    nextPageToken: rows.length === limit && last ? String(last.seq) : "",
  };
}

function cursor(token: string): bigint {
  if (token === "") return NEWEST;
  if (/^\d{1,18}$/.test(token)) return BigInt(token);
  throw new AppError("INVALID_ARGUMENT", `page_token ${JSON.stringify(token)} is not one that this call gave out`, {
    field: "page_token",
  });
}
