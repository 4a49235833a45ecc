import { AppError } from "@agentmesh/errors";
import { holdsScope, limitsOf, moreScopes } from "./scopes.ts";

/** Who a request acts for, as proven by a verified token. */
export type Principal = {
  readonly tenant: string;
  /** Stable id: `user:<id>`, `svc:<name>` or `publisher:<name>`. */
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** Scopes: `agent:execute`, or `agent:execute on agent/support-*`. */
  readonly permissions: ReadonlySet<string>;
  readonly department: string;
  readonly project: string;
  /** Agents acting for the subject, outermost first. */
  readonly actors: readonly string[];
  readonly sessionId: string;
  /** How the subject signed in (RFC 8176), for instance `pwd`, `otp` and `mfa`; empty for API keys. */
  readonly amr: readonly string[];
  /** When the subject last proved who they are, milliseconds since the epoch; 0: never, as with API keys. */
  readonly authenticatedAtMs: number;
  /** Scopes that a second factor given now would add. */
  readonly stepUp: ReadonlySet<string>;
  /** When the token ends, milliseconds since the epoch. */
  readonly expiresAtMs: number;
};

/**
 * @param resource `agent/classifier`; left out: the permission must be held everywhere
 * @throws AppError PERMISSION_DENIED unless the principal holds the permission (MISSING_PERMISSION; OUT_OF_SCOPE where it
 * holds it on other resources; STEP_UP_REQUIRED where a recent second factor would grant it); the empty permission is
 * always held
 */
export function requirePermission(principal: Principal, permission: string, resource?: string): void {
  if (permission === "" || principal.permissions.has(permission)) return;
  if (holdsScope(principal.permissions, permission, resource)) return;
  throw lacks(principal, permission, resource);
}

/** The refusal of `requirePermission`. @param on what the resource is called in it; default the resource */
export function lacks(principal: Principal, permission: string, resource: string | undefined, on = resource): AppError {
  if (holdsScope(principal.stepUp, permission, resource)) {
    return new AppError(
      "PERMISSION_DENIED",
      `${permission} needs a second factor given a short while ago; call StepUp (POST /v1/auth/step-up, meshctl mfa step-up) with a code of your authenticator app and try again`,
      { reason: "STEP_UP_REQUIRED" },
    );
  }
  const limits = limitsOf(principal.permissions, permission);
  if (limits.length > 0) {
    const cut = principal.permissions.has(moreScopes(permission))
      ? "; your roles name more than a token carries: name them by a prefix, agent/support-*, or ask with an API key for less"
      : "";
    return new AppError(
      "PERMISSION_DENIED",
      `${principal.subject} may ${permission} on ${limits.join(", ")} only, not ${on === undefined ? "everywhere, which this needs" : `on ${on}`}${cut}. Ask an admin for a role that grants it`,
      { reason: "OUT_OF_SCOPE" },
    );
  }
  return new AppError(
    "PERMISSION_DENIED",
    `${principal.subject} lacks the permission ${permission}; it holds ${[...principal.permissions].join(", ") || "none"}. Ask an admin for a role that grants it`,
    { reason: "MISSING_PERMISSION" },
  );
}
