import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { ApiKey, RevokeApiKeyRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toApiKey } from "../api-key-view.ts";
import type { Context } from "../context.ts";
import { sessionOfApiKey } from "../credentials/api-key.ts";
import { revokeApiKey as markRevoked } from "../store/api-keys.ts";

/** Ends a key and the internal tokens that were traded for it, on every replica of every service. */
export async function revokeApiKey(context: Context, request: RevokeApiKeyRequest, call: Call): Promise<ApiKey> {
  const { tenant, subject } = requirePrincipal(call);
  const at = new Date();
  const key = await context.db.transaction(async (tx) => {
    const revoked = isId(request.id) ? await markRevoked(tx, tenant, request.id, at) : undefined;
    if (!revoked) throw apiKeyNotFound(tenant, request.id);
    await context.revocations.revokeSessions(tx, tenant, [sessionOfApiKey(revoked.id)], at.getTime());
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject,
        action: "api_key.revoked",
        resource: `ApiKey/${revoked.id}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
    return revoked;
  });
  context.apiKeys.forget(key.hash.toString("hex"));
  await context.revocations.publish();
  return toApiKey(key);
}

export function apiKeyNotFound(tenant: string, id: string): AppError {
  return new AppError("NOT_FOUND", `tenant ${tenant} has no API key ${JSON.stringify(id.slice(0, 80))}; list them`, {
    reason: "API_KEY_NOT_FOUND",
    field: "id",
  });
}
