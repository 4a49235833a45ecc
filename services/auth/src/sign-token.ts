import { tokenIssuer, tokenType } from "@agentmesh/identity";
import { newId } from "@agentmesh/ids";
import { SignJWT } from "jose";
import { actClaim } from "./domain/act-chain.ts";
import type { Authentication } from "./domain/authentication.ts";
import type { Rights } from "./domain/decide.ts";
import { fitScopes } from "./domain/permissions.ts";
import type { KeyRing } from "./state/key-ring.ts";
import type { Account } from "./store/accounts.ts";

/** `aud` of the tokens that callers hold; the gateway exchanges them, and no other service takes them. */
export const accessAudience = "gateway";

// They only say that a second factor would help; after it they are counted with the others.
const MAX_STEP_UP_CHARS = 300;

export type TokenContent = {
  readonly account: Pick<
    Account,
    "tenant" | "subject" | "username" | "display_name" | "department" | "project" | "roles"
  >;
  readonly rights: Pick<Rights, "permissions" | "stepUp">;
  readonly authentication: Authentication;
  readonly sessionId: string;
  /** Outermost first. */
  readonly actors: readonly string[];
  readonly audience: string;
  readonly issuedAtMs: number;
  /** Seconds since the epoch. */
  readonly expiresAtS: number;
};

export function signToken(keys: KeyRing, content: TokenContent): Promise<string> {
  const { account, rights, authentication, issuedAtMs, expiresAtS } = content;
  const { kid, privateKey } = keys.signingKey(issuedAtMs);
  const act = actClaim(content.actors);
  return new SignJWT({
    tnt: account.tenant,
    name: account.display_name || account.username,
    roles: [...account.roles],
    perms: fitScopes(rights.permissions),
    ...(rights.stepUp.size > 0 && { step_up: fitScopes(rights.stepUp, MAX_STEP_UP_CHARS) }),
    ...(authentication.amr.length > 0 && {
      amr: [...authentication.amr],
      auth_time: Math.floor(authentication.atMs / 1000),
    }),
    dept: account.department,
    proj: account.project,
    sid: content.sessionId,
    ...(act && { act: { ...act } }),
  })
    .setProtectedHeader({ alg: "ES256", typ: tokenType, kid })
    .setSubject(account.subject)
    .setIssuer(tokenIssuer)
    .setAudience(content.audience)
    .setJti(newId())
    .setIssuedAt(Math.floor(issuedAtMs / 1000))
    .setExpirationTime(expiresAtS)
    .sign(privateKey);
}
