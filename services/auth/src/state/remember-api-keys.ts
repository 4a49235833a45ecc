import type { Database } from "@agentmesh/postgres";
import { noteApiKeyUse, readApiKeyByHash, type StoredApiKey } from "../store/api-keys.ts";
import { type Remembered, remember } from "./remembered.ts";

const NOTE_USE_EVERY_MS = 60_000;

/** Keys by their hash in hex. Reading one that was not used for a minute notes the use. */
export function rememberApiKeys(db: Database): Remembered<StoredApiKey> {
  return remember(async (hash) => {
    const key = await readApiKeyByHash(db, Buffer.from(hash, "hex"));
    const now = new Date();
    const noted = key?.last_used_at?.getTime() ?? 0;
    if (key && !key.revoked_at && now.getTime() - noted > NOTE_USE_EVERY_MS) await noteApiKeyUse(db, key, now);
    return key;
  });
}
