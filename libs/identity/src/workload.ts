import { readFileSync } from "node:fs";
import { AppError } from "@agentmesh/errors";
import { createLocalJWKSet, importJWK, type JWK, jwtVerify, SignJWT } from "jose";
import { LRUCache } from "lru-cache";
import { z } from "zod";

/** A service's own identity, and its judgement of others'. */
export type WorkloadIdentity = {
  readonly name: string;
  /** A signed proof of who we are; re-signed long before it ends. */
  token(): Promise<string>;
  /** The name of the workload that signed. @throws AppError UNAUTHENTICATED (BAD_WORKLOAD) */
  verify(token: string): Promise<string>;
  /** The name that `verify` gave for this token, as long as it would again; undefined says nothing: verify it. */
  recall(token: string): string | undefined;
};

const AUDIENCE = "mesh";
const TOKEN_TYPE = "wl+jwt";
const LIFETIME_S = 300;
const RENEW_AFTER_MS = 120_000;
const CLOCK_SKEW_S = 5;

const jwkFile = z.object({
  kty: z.literal("OKP"),
  crv: z.literal("Ed25519"),
  x: z.string(),
  d: z.string(),
  kid: z.string(),
});
const trustFile = z.object({
  keys: z.array(z.object({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string(), kid: z.string() })).min(1),
});

/**
 * Services sign in to each other with tokens they sign themselves; everybody holds the public keys of all (`kid` is
 * the service's name). Under Istio mTLS says the same once more.
 *
 * @param keyFile private Ed25519 JWK with `kid`
 * @param trustFilePath JWKS of all workloads
 */
export async function loadWorkloadIdentity(keyFile: string, trustFilePath: string): Promise<WorkloadIdentity> {
  const own = readJson(keyFile, jwkFile);
  const trust = readJson(trustFilePath, trustFile);
  const key = await importJWK({ ...own, alg: "EdDSA" } satisfies JWK, "EdDSA");
  const keySet = createLocalJWKSet({ keys: trust.keys.map((jwk) => ({ ...jwk, alg: "EdDSA" })) });
  const remembered = new LRUCache<string, { name: string; expiresAtMs: number }>({ max: 1000 });
  let current: { token: Promise<string>; renewAtMs: number } | undefined;

  function sign(): Promise<string> {
    return new SignJWT({})
      .setProtectedHeader({ alg: "EdDSA", typ: TOKEN_TYPE, kid: own.kid })
      .setIssuer(own.kid)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(`${LIFETIME_S}s`)
      .sign(key);
  }

  function recall(token: string): string | undefined {
    const known = remembered.get(token);
    return known && known.expiresAtMs > Date.now() ? known.name : undefined;
  }

  return {
    name: own.kid,
    token() {
      const nowMs = Date.now();
      if (!current || nowMs >= current.renewAtMs) current = { token: sign(), renewAtMs: nowMs + RENEW_AFTER_MS };
      return current.token;
    },
    async verify(token) {
      const known = recall(token);
      if (known !== undefined) return known;
      const verified = await verifyWorkload(token, keySet);
      remembered.set(token, verified);
      return verified.name;
    },
    recall,
  };
}

async function verifyWorkload(token: string, keySet: ReturnType<typeof createLocalJWKSet>) {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keySet, {
      algorithms: ["EdDSA"],
      audience: AUDIENCE,
      typ: TOKEN_TYPE,
      clockTolerance: CLOCK_SKEW_S,
      requiredClaims: ["exp"],
    });
    // The issuer is believed only as the owner of the key that signed.
    if (!protectedHeader.kid || payload.iss !== protectedHeader.kid)
      throw new Error("its issuer is not its key's owner");
    return { name: protectedHeader.kid, expiresAtMs: (payload.exp ?? 0) * 1000 };
  } catch (error) {
    throw new AppError(
      "UNAUTHENTICATED",
      `the workload token is not valid: ${error instanceof Error ? error.message : error}`,
      {
        reason: "BAD_WORKLOAD",
        cause: error,
      },
    );
  }
}

function readJson<T>(path: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `cannot use the key file ${path}: ${error instanceof Error ? error.message : error}`,
      {
        reason: "BAD_KEY_FILE",
        cause: error,
      },
    );
  }
}
