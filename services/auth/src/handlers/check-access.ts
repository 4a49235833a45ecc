import { AppError } from "@agentmesh/errors";
import type { CheckAccessReply, CheckAccessRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { isKnownPermission, knownPermissions } from "../domain/permissions.ts";
import { readAccount } from "../store/accounts.ts";

/** Answers what would be decided, and why; decides nothing itself. */
export async function checkAccess(
  context: Context,
  request: CheckAccessRequest,
  call: Call,
): Promise<CheckAccessReply> {
  const { tenant } = requirePrincipal(call);
  const { subject, permission } = request;
  if (!isKnownPermission(permission)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `permission ${JSON.stringify(permission.slice(0, 80))} does not exist; expected one of ${knownPermissions.join(", ")}`,
      { reason: "UNKNOWN_PERMISSION", field: "permission" },
    );
  }
  const account = await readAccount(context.db, tenant, subject);
  if (!account) return { allowed: false, reason: `tenant ${tenant} has no account ${subject.slice(0, 80)}` };
  if (account.disabled_at) return { allowed: false, reason: `${subject} is disabled` };
  const atMs = (request.at ?? new Date()).getTime();
  return context.roles.explain(tenant, account.roles, permission, {
    atMs,
    address: request.remoteAddress,
    environment: context.config.environment,
    secondFactorAtMs: request.secondFactor ? atMs : undefined,
  });
}
