import { AppError } from "@agentmesh/errors";
import type { AppendAuditReply, AppendAuditRequest, AuditEntry } from "@agentmesh/proto/compliance";
import type { Call } from "@agentmesh/rpc";
import type { Context } from "../context.ts";

const MAX_ENTRIES = 1000;
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export async function appendAudit(
  context: Context,
  request: AppendAuditRequest,
  call: Call,
): Promise<AppendAuditReply> {
  if (request.entries.length > MAX_ENTRIES) {
    throw new AppError("INVALID_ARGUMENT", `${request.entries.length} entries in one call; at most ${MAX_ENTRIES}`, {
      field: "entries",
    });
  }
  // Whoever calls is who wrote it: a service cannot put words into another's mouth.
  const entries = request.entries.map((entry, index) => checked({ ...entry, service: call.workload }, index));
  return { appended: entries.length === 0 ? 0 : await context.append(entries) };
}

function checked(entry: AuditEntry, index: number): AuditEntry {
  const missing = (["tenant", "subject", "action", "outcome"] as const).find((name) => entry[name] === "");
  const field = missing ?? (ID.test(entry.id) ? undefined : "id");
  if (!field) return entry;
  throw new AppError(
    "INVALID_ARGUMENT",
    `entries[${index}].${field} is ${JSON.stringify(entry[field])}, expected ${field === "id" ? "a UUID in lower case" : "a text"}`,
    { reason: "INVALID", field: `entries[${index}].${field}` },
  );
}
