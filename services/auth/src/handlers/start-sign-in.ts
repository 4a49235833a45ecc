import { createHash, randomBytes } from "node:crypto";
import { AppError, describeError, isAppError } from "@agentmesh/errors";
import type { StartSignInReply, StartSignInRequest } from "@agentmesh/proto/auth";
import type { Context } from "../context.ts";
import type { OidcSpec, SamlSpec } from "../domain/identity-provider-spec.ts";
import { isRedirectAllowed } from "../domain/redirect-uri.ts";
import { findProvider } from "../federation/find-provider.ts";
import { readProviderSecret } from "../federation/provider-secrets.ts";
import { insertPendingSignIn } from "../store/pending-sign-ins.ts";

const PENDING_MS = 600_000;
const HANDLE_BYTES = 32;

/** The browser carries `state`, the hash of the handle; only who started has the handle, and can finish. */
export function stateOf(handle: string): string {
  return createHash("sha256").update(`sign-in/${handle}`).digest("base64url");
}

export async function startSignIn(context: Context, request: StartSignInRequest): Promise<StartSignInReply> {
  const { tenant, provider, redirectUri } = request;
  const spec = await findProvider(context, tenant, provider, ["oidc", "saml"]);
  if (!isRedirectAllowed(spec.redirectUris, redirectUri)) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `redirect_uri ${JSON.stringify(redirectUri.slice(0, 200))} is not one of IdentityProvider/${provider}; add it to redirectUris`,
      { reason: "BAD_REDIRECT_URI", field: "redirect_uri" },
    );
  }
  const handle = randomBytes(HANDLE_BYTES).toString("base64url");
  const state = stateOf(handle);
  const begin = () => beginAt(context, spec, { tenant, provider, handle, state, redirectUri });
  const authorizationUrl = await begin().catch((cause: unknown) => {
    if (isAppError(cause)) throw cause;
    context.log.warn({ tenant, provider, reason: describeError(cause) }, "an identity provider cannot be used");
    throw new AppError("UNAVAILABLE", `identity provider ${provider} cannot be used now; try again, or ask an admin`, {
      reason: "PROVIDER_UNUSABLE",
      cause,
    });
  });
  const expiresAt = new Date(Date.now() + PENDING_MS);
  await insertPendingSignIn(context.db, { state, tenant, provider, redirect_uri: redirectUri, expires_at: expiresAt });
  return { authorizationUrl, handle, expiresAt };
}

type Round = { tenant: string; provider: string; handle: string; state: string; redirectUri: string };

async function beginAt(context: Context, spec: OidcSpec | SamlSpec, round: Round): Promise<string> {
  const { tenant, provider, ...rest } = round;
  if (spec.type === "saml") return context.saml.begin({ spec, ...rest });
  const secret = await readProviderSecret(context.config.federation.secretsDir, tenant, provider);
  return context.oidc.begin({ spec, secret, ...rest });
}
