import { setTimeout as wait } from "node:timers/promises";
import { AppError, describeError } from "@agentmesh/errors";
import type { TokenVerifier } from "@agentmesh/identity";
import { noAuthentication } from "../domain/authentication.ts";
import { adminRole } from "../domain/shipped-roles.ts";
import { signToken } from "../sign-token.ts";
import type { KeyRing } from "./key-ring.ts";
import type { RoleBook } from "./role-book.ts";

const WITHIN_MS = 10_000;
const POLL_MS = 20;

/**
 * What we published must have come back to us before we serve, or the first calls would be refused.
 *
 * @throws AppError UNAVAILABLE (SNAPSHOT_MISSING)
 */
export async function awaitSnapshots(
  own: { keys: KeyRing; roles: RoleBook; tokens: TokenVerifier },
  tenant: string,
): Promise<void> {
  const token = await selfTestToken(own.keys, tenant);
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const missing = await missingPart(own, tenant, token);
    if (missing === undefined) return;
    if (Date.now() > deadline) {
      throw new AppError("UNAVAILABLE", `what auth published did not come back from NATS: ${missing}`, {
        reason: "SNAPSHOT_MISSING",
      });
    }
    await wait(POLL_MS);
  }
}

async function missingPart(
  { roles, tokens }: { roles: RoleBook; tokens: TokenVerifier },
  tenant: string,
  token: string,
): Promise<string | undefined> {
  try {
    await tokens.verify(token);
    return roles.has(tenant, adminRole) ? undefined : `the roles of ${tenant}`;
  } catch (error) {
    return describeError(error);
  }
}

function selfTestToken(keys: KeyRing, tenant: string): Promise<string> {
  const issuedAtMs = Date.now();
  const nobody = { username: "auth", display_name: "", department: "", project: "", roles: [] };
  return signToken(keys, {
    account: { ...nobody, tenant, subject: "system:auth" },
    rights: { permissions: new Set(), stepUp: new Set() },
    authentication: noAuthentication,
    sessionId: "",
    actors: [],
    audience: "auth",
    issuedAtMs,
    expiresAtS: Math.ceil((issuedAtMs + WITHIN_MS) / 1000),
  });
}
