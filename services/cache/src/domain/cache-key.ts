import { AppError } from "@agentmesh/errors";
import { canonicalJson, sha256Hex } from "@agentmesh/ids";
import type { CacheKey } from "@agentmesh/proto/cache";
import { canonicalInput } from "./canonical-input.ts";

const HEX_SHA256 = /^[0-9a-f]{64}$/;

/**
 * SHA-256 over the canonical JSON of all that changes an answer. The tenant comes from a verified token and is part of
 * the hash as well as of the partition: an entry that strays into a foreign partition still answers nobody.
 *
 * @throws AppError INVALID_ARGUMENT when a part is missing, for a key without it would hit what it must not
 */
export function hashKey(tenant: string, key: CacheKey | undefined): string {
  const { agent, agentVersion, input, model, namespace, policyHash } = complete(key);
  // canonicalJson of these members, written out: each look-up makes one.
  return sha256Hex(
    `{"agent":${JSON.stringify(agent)},"agentVersion":${JSON.stringify(agentVersion)},` +
      `"input":${JSON.stringify(canonicalInput(input))},"model":${JSON.stringify(model)},` +
      `"namespace":${JSON.stringify(namespace)},"policyHash":"${policyHash}","tenant":${JSON.stringify(tenant)}}`,
  );
}

/** SHA-256 over the same without the input: answers to different questions may be compared only where this is equal. */
export function hashPolicy(tenant: string, key: CacheKey | undefined): string {
  const { input: _, ...policy } = complete(key);
  return sha256Hex(canonicalJson({ tenant, ...policy }));
}

function complete(key: CacheKey | undefined): CacheKey {
  if (!key?.agent) throw incomplete("agent");
  if (!key.model) throw incomplete("model");
  if (!HEX_SHA256.test(key.policyHash)) throw incomplete("policy_hash");
  if (!key.input) throw incomplete("input");
  const { agent, agentVersion, model, policyHash, input, namespace = "" } = key;
  return { agent, agentVersion, model, policyHash, input, namespace };
}

function incomplete(field: string): AppError {
  return new AppError("INVALID_ARGUMENT", `key.${field} is missing or malformed; a cache key names all of it`, {
    reason: "INCOMPLETE_KEY",
    field: `key.${field}`,
  });
}
