import { AppError } from "@agentmesh/errors";
import { type Principal, requirePermission, type TokenVerifier, type WorkloadIdentity } from "@agentmesh/identity";
import type { MethodRule } from "@agentmesh/proto/catalog";

export type Trust = { readonly workload: WorkloadIdentity; readonly tokens: TokenVerifier };

export type Proof = { readonly bearer: string | undefined; readonly workloadToken: string | undefined };

/**
 * Enforces a contract's rule: which workload calls, and whom it calls for. Deny by default, at every hop.
 *
 * @throws AppError UNAUTHENTICATED or PERMISSION_DENIED
 */
export async function authoriseCall(
  rule: MethodRule,
  proof: Proof,
  trust: Trust,
): Promise<{ workload: string; principal: Principal | undefined }> {
  const workload = proof.workloadToken ? await trust.workload.verify(proof.workloadToken) : "";
  if (!mayCall(rule, workload)) {
    throw new AppError(
      "PERMISSION_DENIED",
      `${rule.path} may not be called by ${workload || "a caller outside the mesh"}`,
      {
        reason: "WORKLOAD_NOT_ALLOWED",
      },
    );
  }
  const principal = proof.bearer ? await trust.tokens.verify(proof.bearer) : undefined;
  if (rule.access === "USER") {
    if (!principal) {
      throw new AppError("UNAUTHENTICATED", `${rule.path} needs a bearer token; sign in first`, { reason: "NO_TOKEN" });
    }
    requirePermission(principal, rule.permission);
  }
  return { workload, principal };
}

function mayCall(rule: MethodRule, workload: string): boolean {
  // A service signs in as a workload even for PUBLIC rpcs; from outside they are reached through the gateway.
  if (workload === "") return false;
  if (rule.callers.includes("*") || rule.callers.includes(workload)) return true;
  return rule.access !== "INTERNAL" && workload === "gateway";
}
