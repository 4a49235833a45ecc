import type { TokenReply } from "@agentmesh/proto/auth";
import type { Context } from "./context.ts";
import { refreshToken } from "./credentials/refresh-token.ts";
import { secondFactorAtMs } from "./domain/authentication.ts";
import { accessAudience, signToken } from "./sign-token.ts";
import type { Account } from "./store/accounts.ts";
import type { NewSession } from "./store/sessions.ts";

/** The pair of tokens of one generation of a session; the access token never outlives the session. */
export async function sessionTokens(
  context: Context,
  account: Account,
  session: NewSession & { readonly generation: number },
  conditions: { nowMs: number; address: string },
): Promise<TokenReply> {
  const { config, keys, roles } = context;
  const { nowMs, address } = conditions;
  const issuedAtS = Math.floor(nowMs / 1000);
  const expiresAtS = Math.min(issuedAtS + config.tokens.accessTtlS, Math.floor(session.expires_at.getTime() / 1000));
  const authentication = { amr: session.amr, atMs: session.authenticated_at.getTime() };
  const accessToken = await signToken(keys, {
    account,
    rights: roles.rightsOf(account.tenant, account.roles, {
      atMs: nowMs,
      address,
      environment: config.environment,
      secondFactorAtMs: secondFactorAtMs(authentication),
    }),
    authentication,
    sessionId: session.id,
    actors: [],
    audience: accessAudience,
    issuedAtMs: nowMs,
    expiresAtS,
  });
  return {
    accessToken,
    refreshToken: refreshToken(context.refreshKey, session.id, session.secret, session.generation),
    expiresInS: Math.max(0, expiresAtS - issuedAtS),
    tokenType: "Bearer",
  };
}
