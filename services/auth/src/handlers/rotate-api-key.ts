import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { isId, newId } from "@agentmesh/ids";
import type { CreateApiKeyReply, RotateApiKeyRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toApiKey } from "../api-key-view.ts";
import type { Context } from "../context.ts";
import { newApiKey } from "../credentials/api-key.ts";
import { insertApiKey, lockApiKey, replaceApiKey, type StoredApiKey } from "../store/api-keys.ts";
import { apiKeyNotFound } from "./revoke-api-key.ts";

const DEFAULT_OVERLAP_S = 3600;
const LONGEST_OVERLAP_S = 30 * 24 * 3600;

/** A new key for the same owner with the same scopes; both are good during the overlap, so that nothing stops. */
export async function rotateApiKey(
  context: Context,
  request: RotateApiKeyRequest,
  call: Call,
): Promise<CreateApiKeyReply> {
  const { tenant, subject } = requirePrincipal(call);
  const at = new Date();
  const overlapS = overlapOf(request);
  const { secret, prefix, hash } = newApiKey();
  const made = await context.db.transaction(async (tx) => {
    const old = isId(request.id) ? await lockApiKey(tx, tenant, request.id) : undefined;
    if (!old) throw apiKeyNotFound(tenant, request.id);
    assertRotates(old, at);
    const { id: _id, ...same } = old;
    const key = {
      ...same,
      id: newId(),
      hash,
      prefix,
      created_at: at,
      created_by: subject,
      expires_at: endOf(old, request, at),
    };
    await insertApiKey(tx, key);
    await replaceApiKey(tx, tenant, old.id, key.id, new Date(at.getTime() + overlapS * 1000));
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject,
        action: "api_key.rotated",
        resource: `ApiKey/${old.id}`,
        outcome: "succeeded",
        reason: `replaced by ${key.id}, ends in ${overlapS} s`,
        requestId: call.requestId,
      },
      at,
    );
    return { key, oldHash: old.hash };
  });
  context.apiKeys.forget(made.oldHash.toString("hex"));
  return { key: toApiKey({ ...made.key, last_used_at: null, revoked_at: null, replaced_by: null }), secret };
}

function overlapOf({ overlapS }: RotateApiKeyRequest): number {
  if (overlapS <= LONGEST_OVERLAP_S) return overlapS || DEFAULT_OVERLAP_S;
  throw new AppError("INVALID_ARGUMENT", `overlap_s is ${overlapS}; at most ${LONGEST_OVERLAP_S}, thirty days`, {
    reason: "OVERLAP_TOO_LONG",
    field: "overlap_s",
  });
}

function assertRotates(key: StoredApiKey, at: Date): void {
  const ended = key.revoked_at !== null || (key.expires_at !== null && key.expires_at <= at);
  if (!ended && !key.replaced_by) return;
  throw new AppError(
    "FAILED_PRECONDITION",
    key.replaced_by
      ? `API key ${key.id} was replaced by ${key.replaced_by} already; rotate that one`
      : `API key ${key.id} has ended; create another`,
    { reason: key.replaced_by ? "API_KEY_REPLACED" : "API_KEY_ENDED" },
  );
}

/** As long as asked for, else as long as the old key was given. */
function endOf(old: StoredApiKey, { ttlS }: RotateApiKeyRequest, at: Date): Date | null {
  if (ttlS > 0) return new Date(at.getTime() + ttlS * 1000);
  return old.expires_at && new Date(at.getTime() + old.expires_at.getTime() - old.created_at.getTime());
}
