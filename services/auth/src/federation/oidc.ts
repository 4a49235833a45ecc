import { createHmac } from "node:crypto";
import { AppError } from "@agentmesh/errors";
import { LRUCache } from "lru-cache";
import type { Configuration } from "openid-client";
import { type ExternalIdentity, fromClaims } from "../domain/external-identity.ts";
import type { OidcSpec } from "../domain/identity-provider-spec.ts";
import type { GuardedFetch } from "./guarded-fetch.ts";
import type { Reach } from "./private-networks.ts";

export type OidcOptions = {
  readonly fetch: GuardedFetch;
  readonly reach: Reach;
  /** Nonce and PKCE verifier of a sign-in follow from its handle under this key, so that neither is stored. */
  readonly key: Buffer;
};

/** One sign-in at one provider. */
export type OidcRound = {
  readonly spec: OidcSpec;
  readonly secret: string;
  readonly handle: string;
  readonly state: string;
  readonly redirectUri: string;
};

export type Oidc = {
  /** Where to send the browser. */
  begin(round: OidcRound): Promise<string>;
  /** Who came back. @throws whatever the provider's answer is refused for */
  finish(round: OidcRound, callback: URL, nowMs: number): Promise<ExternalIdentity>;
};

const TIMEOUT_S = 5;
const REMEMBER_MS = 600_000;
const MAX_REMEMBERED = 100;
/** A second factor that is older than this is asked for anew by a provider whose word is taken for it. */
const MAX_AGE_S = 12 * 3600;

/** The code flow with PKCE, state and nonce (OpenID Connect Core, RFC 7636, RFC 9700) by openid-client. */
export function createOidc({ fetch, reach, key }: OidcOptions): Oidc {
  const remembered = new LRUCache<string, Configuration>({ max: MAX_REMEMBERED, ttl: REMEMBER_MS });

  async function discover({ spec, secret }: OidcRound): Promise<Configuration> {
    const { issuer, clientId, signingAlgorithm } = spec;
    const id = JSON.stringify([issuer, clientId, signingAlgorithm, secret]);
    const known = remembered.get(id);
    if (known) return known;
    const client = await import("openid-client");
    const insecure = reach.isNamed(new URL(issuer).hostname);
    const found = await client.discovery(
      new URL(issuer),
      clientId,
      { id_token_signed_response_alg: signingAlgorithm, client_secret: secret },
      client.ClientSecretBasic(secret),
      {
        timeout: TIMEOUT_S,
        [client.customFetch]: (url, options) => fetch(url, options),
        // By default the token endpoint's TLS alone vouches for an ID token; its signature is checked here as well.
        execute: [client.enableNonRepudiationChecks, ...(insecure ? [client.allowInsecureRequests] : [])],
      },
    );
    assertBrowsable(found.serverMetadata().authorization_endpoint, insecure);
    remembered.set(id, found);
    return found;
  }

  const derive = (purpose: string, handle: string) =>
    createHmac("sha256", key).update(`${purpose}\0${handle}`).digest("base64url");
  const maxAgeOf = (spec: OidcSpec) => (spec.secondFactorAmr.length > 0 ? MAX_AGE_S : undefined);

  return {
    async begin(round) {
      const config = await discover(round);
      const client = await import("openid-client");
      const maxAge = maxAgeOf(round.spec);
      const url = client.buildAuthorizationUrl(config, {
        redirect_uri: round.redirectUri,
        scope: [...new Set(["openid", ...round.spec.scopes])].join(" "),
        state: round.state,
        nonce: derive("nonce", round.handle),
        code_challenge: await client.calculatePKCECodeChallenge(derive("pkce", round.handle)),
        code_challenge_method: "S256",
        ...(maxAge !== undefined && { max_age: String(maxAge) }),
      });
      return url.href;
    },
    async finish(round, callback, nowMs) {
      const config = await discover(round);
      const client = await import("openid-client");
      const maxAge = maxAgeOf(round.spec);
      const tokens = await client.authorizationCodeGrant(config, callback, {
        expectedState: round.state,
        expectedNonce: derive("nonce", round.handle),
        pkceCodeVerifier: derive("pkce", round.handle),
        idTokenExpected: true,
        ...(maxAge !== undefined && { maxAge }),
      });
      const claims = tokens.claims();
      if (!claims) throw new AppError("UNAUTHENTICATED", "the provider sent no ID token", { reason: "NO_ID_TOKEN" });
      const more = config.serverMetadata().userinfo_endpoint
        ? await client.fetchUserInfo(config, tokens.access_token, claims.sub)
        : {};
      // What is signed wins.
      return fromClaims(round.spec, { ...more, ...claims }, nowMs);
    },
  };
}

/** A browser is sent there: nothing but a web page, and none in clear. */
function assertBrowsable(endpoint: string | undefined, insecure: boolean): void {
  const protocol = endpoint && URL.canParse(endpoint) ? new URL(endpoint).protocol : "";
  if (protocol === "https:" || (insecure && protocol === "http:")) return;
  throw new AppError("FAILED_PRECONDITION", "the provider names no authorization endpoint with https", {
    reason: "BAD_DISCOVERY",
  });
}
