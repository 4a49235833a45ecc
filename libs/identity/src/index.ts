export { lacks, type Principal, requirePermission } from "./principal.ts";
export {
  coversResource,
  holdsScope,
  intersectScopes,
  limitsOf,
  moreScopes,
  permissionOf,
  readScope,
  reduceScopes,
  type Scope,
  scopeText,
  uncoveredScopes,
} from "./scopes.ts";
export { parseTokenClaims, type TokenClaims, tokenIssuer, tokenType } from "./token-claims.ts";
export { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";
export { loadWorkloadIdentity, type WorkloadIdentity } from "./workload.ts";
