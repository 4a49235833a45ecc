import type { Metrics } from "@agentmesh/telemetry";

export type AuthMetrics = {
  /** `succeeded` or why not. */
  signIn(outcome: string): void;
  /** The verdict on a refresh token. */
  refresh(verdict: string): void;
  exchange(credential: string): void;
};

export function createAuthMetrics(metrics: Metrics): AuthMetrics {
  const signIns = metrics.counter("agentmesh_auth_sign_ins_total", "Attempts to sign in by outcome", ["outcome"]);
  const refreshes = metrics.counter("agentmesh_auth_refreshes_total", "Refresh tokens presented by verdict", [
    "verdict",
  ]);
  const exchanges = metrics.counter("agentmesh_auth_exchanges_total", "Tokens exchanged by kind of credential", [
    "credential",
  ]);
  return {
    signIn: (outcome) => signIns.inc({ outcome }),
    refresh: (verdict) => refreshes.inc({ verdict }),
    exchange: (credential) => exchanges.inc({ credential }),
  };
}
