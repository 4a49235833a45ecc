import type { ListRejectionsRequest } from "@agentmesh/proto/orchestrator";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { listRejections as listStored } from "../store/rejections.ts";
import { readPage } from "./wire.ts";

export async function listRejections(context: Context, request: ListRejectionsRequest, call: Call) {
  const page = readPage(request);
  const rows = await listStored(context.db, { tenant: requirePrincipal(call).tenant, ...page });
  const last = rows.at(-1);
  return {
    rejections: rows.map(({ id, subject, event_id, trigger, code, message, at }) => ({
      id,
      subject,
      eventId: event_id,
      trigger,
      code,
      message,
      at,
    })),
    nextPageToken: rows.length === page.limit && last ? last.id : "",
  };
}
