import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { CreateApiKeyReply, CreateApiKeyRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toApiKey } from "../api-key-view.ts";
import type { Context } from "../context.ts";
import { newApiKey } from "../credentials/api-key.ts";
import { faultOfScope, MAX_SCOPE_CHARS, sizeOfScopes } from "../domain/permissions.ts";
import { normaliseUsername } from "../domain/usernames.ts";
import { readAccount, readAccountByUsername } from "../store/accounts.ts";
import { insertApiKey } from "../store/api-keys.ts";

const MAX_NAME = 100;

/** A key never holds more than its subject: its scopes narrow what the subject's roles grant when it is used. */
export async function createApiKey(
  context: Context,
  request: CreateApiKeyRequest,
  call: Call,
): Promise<CreateApiKeyReply> {
  const { tenant, subject: creator } = requirePrincipal(call);
  check(request);
  const owner = request.username
    ? await readAccountByUsername(context.db, tenant, normaliseUsername(request.username))
    : await readAccount(context.db, tenant, creator);
  if (!owner || owner.disabled_at) {
    throw new AppError("NOT_FOUND", `tenant ${tenant} has no active account ${request.username || creator}`, {
      reason: "USER_NOT_FOUND",
      field: "username",
    });
  }
  const at = new Date();
  const { secret, prefix, hash } = newApiKey();
  const key = {
    tenant,
    id: newId(),
    hash,
    prefix,
    name: request.name,
    subject: owner.subject,
    scopes: [...new Set(request.scopes)],
    created_at: at,
    created_by: creator,
    expires_at: request.ttlS > 0 ? new Date(at.getTime() + request.ttlS * 1000) : null,
  };
  await context.db.transaction(async (tx) => {
    await insertApiKey(tx, key);
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: creator,
        action: "api_key.created",
        resource: `ApiKey/${key.id}`,
        outcome: "succeeded",
        reason: `for ${owner.subject}`,
        requestId: call.requestId,
      },
      at,
    );
  });
  return { key: toApiKey({ ...key, last_used_at: null, revoked_at: null, replaced_by: null }), secret };
}

function check({ name, scopes }: CreateApiKeyRequest): void {
  if (name === "" || name.length > MAX_NAME) {
    throw new AppError("INVALID_ARGUMENT", `name: expected 1 to ${MAX_NAME} characters that say what the key is for`, {
      reason: "BAD_NAME",
      field: "name",
    });
  }
  for (const scope of scopes) {
    const fault = faultOfScope(scope);
    if (fault !== undefined) {
      throw new AppError("INVALID_ARGUMENT", `scopes: ${fault}`, { reason: "UNKNOWN_PERMISSION", field: "scopes" });
    }
  }
  const chars = sizeOfScopes(scopes);
  if (chars <= MAX_SCOPE_CHARS) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `scopes: ${chars} characters; at most ${MAX_SCOPE_CHARS} go into a token. Name resources by a prefix, agent/support-*`,
    { reason: "TOO_MANY_SCOPES", field: "scopes" },
  );
}
