import type { VerifyAuditReply } from "@agentmesh/proto/compliance";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { verifyTrail } from "../verify.ts";

export async function verifyAudit(context: Context, call: Call): Promise<VerifyAuditReply> {
  const result = await verifyTrail(context, requirePrincipal(call).tenant);
  return { verified: result.problems.length === 0, ...result };
}
