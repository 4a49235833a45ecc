import { generateKeyPairSync } from "node:crypto";

/** A workload's Ed25519 key in JSON Web Key form (RFC 8037); `kid` is the service's name. */
export type WorkloadKey = {
  readonly kty: "OKP";
  readonly crv: "Ed25519";
  readonly alg: "EdDSA";
  readonly use: "sig";
  readonly kid: string;
  readonly x: string;
  /** The private half. */
  readonly d: string;
};

export type WorkloadTrust = { readonly keys: readonly Omit<WorkloadKey, "d">[] };

export function newWorkloadKey(service: string): WorkloadKey {
  const { x, d } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  if (x === undefined || d === undefined) throw new Error("node:crypto exported an Ed25519 key without x or d");
  return { kty: "OKP", crv: "Ed25519", alg: "EdDSA", use: "sig", kid: service, x, d };
}

/** The public halves: what every service trusts. */
export function trustBundle(keys: readonly WorkloadKey[]): WorkloadTrust {
  return { keys: keys.map(({ d: _, ...shared }) => shared) };
}
