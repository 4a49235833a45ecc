export { type Principal, requirePermission } from "./principal.ts";
export { parseTokenClaims, type TokenClaims, tokenIssuer, tokenType } from "./token-claims.ts";
export { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";
export { loadWorkloadIdentity, type WorkloadIdentity } from "./workload.ts";
