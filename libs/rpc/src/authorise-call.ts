import { AppError } from "@agentmesh/errors";
import type { Principal, TokenVerifier, WorkloadIdentity } from "@agentmesh/identity";
import type { MethodRule } from "@agentmesh/proto/catalog";
import { requireRule } from "./narrow-call.ts";

export type Trust = { readonly workload: WorkloadIdentity; readonly tokens: TokenVerifier };

export type Proof = { readonly bearer: string | undefined; readonly workloadToken: string | undefined };

/** Who calls, and whom for. */
export type Caller = { readonly workload: string; readonly principal: Principal | undefined };

/**
 * Enforces a contract's rule: which workload calls, and whom it calls for. Deny by default, at every hop.
 *
 * @throws AppError UNAUTHENTICATED or PERMISSION_DENIED
 */
export async function authoriseCall(rule: MethodRule, proof: Proof, trust: Trust): Promise<Caller> {
  const workload = proof.workloadToken ? await trust.workload.verify(proof.workloadToken) : "";
  assertMayCall(rule, workload);
  const principal = proof.bearer ? await trust.tokens.verify(proof.bearer) : undefined;
  assertAllowed(rule, principal);
  return { workload, principal };
}

/**
 * The same at once, for tokens that were verified before; undefined: they must be verified.
 *
 * @throws AppError UNAUTHENTICATED or PERMISSION_DENIED
 */
export function recallCaller(rule: MethodRule, { workloadToken, bearer }: Proof, trust: Trust): Caller | undefined {
  const workload = workloadToken ? trust.workload.recall(workloadToken) : undefined;
  if (workload === undefined) return undefined;
  const principal = bearer ? trust.tokens.recall(bearer) : undefined;
  if (bearer && !principal) return undefined;
  assertMayCall(rule, workload);
  assertAllowed(rule, principal);
  return { workload, principal };
}

function assertMayCall(rule: MethodRule, workload: string): void {
  if (mayCall(rule, workload)) return;
  const who = workload || "a caller outside the mesh";
  throw new AppError("PERMISSION_DENIED", `${rule.path} may not be called by ${who}`, {
    reason: "WORKLOAD_NOT_ALLOWED",
  });
}

function assertAllowed(rule: MethodRule, principal: Principal | undefined): void {
  if (rule.access === "USER") {
    if (!principal) {
      throw new AppError("UNAUTHENTICATED", `${rule.path} needs a bearer token; sign in first`, { reason: "NO_TOKEN" });
    }
    requireRule(principal, rule);
  }
}

function mayCall(rule: MethodRule, workload: string): boolean {
  // A service signs in as a workload even for PUBLIC rpcs; from outside they are reached through the gateway.
  if (workload === "") return false;
  if (rule.callers.includes("*") || rule.callers.includes(workload)) return true;
  return rule.access !== "INTERNAL" && workload === "gateway";
}
