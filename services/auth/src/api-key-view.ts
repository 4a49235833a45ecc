import type { ApiKey } from "@agentmesh/proto/auth";
import type { StoredApiKey } from "./store/api-keys.ts";

export function toApiKey(key: StoredApiKey): ApiKey {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    subject: key.subject,
    scopes: [...key.scopes],
    createdAt: key.created_at,
    expiresAt: key.expires_at ?? undefined,
    lastUsedAt: key.last_used_at ?? undefined,
    revoked: key.revoked_at !== null,
  };
}
