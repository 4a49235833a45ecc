import { AppError } from "@agentmesh/errors";
import { createLocalJWKSet, errors, type JSONWebKeySet, jwtVerify } from "jose";
import { LRUCache } from "lru-cache";
import type { Principal } from "./principal.ts";
import { parseTokenClaims, tokenIssuer, tokenType } from "./token-claims.ts";

export type TokenVerifier = {
  /** @throws AppError UNAUTHENTICATED: TOKEN_EXPIRED, BAD_TOKEN or NO_KEYS */
  verify(token: string): Promise<Principal>;
  /** The principal of a token that was verified before and would be again; undefined says nothing: verify it. */
  recall(token: string): Principal | undefined;
};

export type TokenVerifierOptions = {
  /** The current public keys of auth; called on each cache miss. */
  readonly jwks: () => JSONWebKeySet | undefined;
  /** Any of these in `aud` will do. */
  readonly audiences: readonly string[];
  /** A revoked session's or user's tokens are refused though they are not expired. Default: none is. */
  readonly isRevoked?: (principal: Principal) => boolean;
};

const MAX_REMEMBERED = 10_000;
/** Of the tokens themselves, which are the keys. */
const MAX_REMEMBERED_CHARS = 16 * 1024 * 1024;
const MAX_TOKEN_BYTES = 8 * 1024;
const CLOCK_SKEW_S = 5;
// Three non-empty parts of the base64url alphabet; jose alone would admit padding and white space.
const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/**
 * Verifies tokens that auth signed (ES256 or EdDSA, `typ` at+jwt). A verified token is remembered by its text, in
 * memory only, until it expires: verifying costs ~100 µs, hashing it first would be most of what is left.
 */
export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { jwks, audiences, isRevoked = () => false } = options;
  const remembered = new LRUCache<string, Principal>({
    max: MAX_REMEMBERED,
    maxSize: MAX_REMEMBERED_CHARS,
    sizeCalculation: (_principal, token) => token.length,
  });
  let keys: JSONWebKeySet | undefined;
  let keySet: ReturnType<typeof createLocalJWKSet> | undefined;

  function currentKeys() {
    const current = jwks();
    if (current !== keys) {
      keys = current;
      keySet = readKeys(current);
      remembered.clear();
    }
    if (keySet) return keySet;
    throw new AppError("UNAUTHENTICATED", "no public keys of auth are known yet; try again shortly", {
      reason: "NO_KEYS",
      retryAfterMs: 1000,
    });
  }

  function isOver(principal: Principal): boolean {
    return principal.expiresAtMs + CLOCK_SKEW_S * 1000 <= Date.now();
  }

  return {
    async verify(token) {
      if (token.length > MAX_TOKEN_BYTES || !COMPACT_JWS.test(token)) throw badToken("it is not a compact JWS");
      const keySetNow = currentKeys();
      let principal = remembered.get(token);
      if (!principal) {
        principal = await verifyNow(token, keySetNow, audiences);
        // What was verified with keys that were replaced meanwhile is not remembered under those that came.
        if (keySet === keySetNow) remembered.set(token, principal);
      }
      if (isOver(principal)) throw expired();
      if (isRevoked(principal)) throw badToken("its session has ended");
      return principal;
    },
    recall(token) {
      // Keys that changed make nothing of what was verified with those before.
      if (jwks() !== keys || !keySet) return undefined;
      const principal = remembered.get(token);
      return principal && !isOver(principal) && !isRevoked(principal) ? principal : undefined;
    },
  };
}

/** A set that is none counts as no keys: whom it meant to trust is not known, and the set before it is over. */
function readKeys(jwks: JSONWebKeySet | undefined): ReturnType<typeof createLocalJWKSet> | undefined {
  try {
    return jwks && createLocalJWKSet(jwks);
  } catch {
    return undefined;
  }
}

async function verifyNow(
  token: string,
  keySet: ReturnType<typeof createLocalJWKSet>,
  audiences: readonly string[],
): Promise<Principal> {
  if (!isCanonical(token)) throw badToken("it is not written as auth writes tokens");
  try {
    const { payload } = await jwtVerify(token, keySet, {
      algorithms: ["ES256", "EdDSA"],
      issuer: tokenIssuer,
      audience: [...audiences],
      typ: tokenType,
      clockTolerance: CLOCK_SKEW_S,
    });
    return parseTokenClaims(payload);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof errors.JWTExpired) throw expired();
    throw badToken(error instanceof Error ? error.message : String(error), error);
  }
}

/** One text for one token: no second writing of the same bytes, and no claim that two readers could read apart. */
function isCanonical(token: string): boolean {
  const parts = token.split(".");
  if (!parts.every((part) => Buffer.from(part, "base64url").toString("base64url") === part)) return false;
  return parts.slice(0, 2).every((part) => {
    const text = Buffer.from(part, "base64url").toString();
    try {
      // What is said twice, or with what JSON.stringify leaves out, does not come back the same.
      return JSON.stringify(JSON.parse(text)) === text;
    } catch {
      return false;
    }
  });
}

function expired(): AppError {
  return new AppError("UNAUTHENTICATED", "the token has expired; refresh it or sign in again", {
    reason: "TOKEN_EXPIRED",
  });
}

function badToken(why: string, cause?: unknown): AppError {
  return new AppError("UNAUTHENTICATED", `the token is not valid: ${why}; sign in again`, {
    reason: "BAD_TOKEN",
    cause,
  });
}
