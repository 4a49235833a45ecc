import { AppError } from "@agentmesh/errors";

/** Who a request acts for, as proven by a verified token. */
export type Principal = {
  readonly tenant: string;
  /** Stable id: `user:<id>`, `svc:<name>` or `publisher:<name>`. */
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
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
  /** Permissions that a second factor given now would add. */
  readonly stepUp: ReadonlySet<string>;
  /** When the token ends, milliseconds since the epoch. */
  readonly expiresAtMs: number;
};

/**
 * @throws AppError PERMISSION_DENIED unless the principal holds the permission (MISSING_PERMISSION, or STEP_UP_REQUIRED
 * where a recent second factor would grant it); the empty permission is always held
 */
export function requirePermission(principal: Principal, permission: string): void {
  if (permission === "" || principal.permissions.has(permission)) return;
  if (principal.stepUp.has(permission)) {
    throw new AppError(
      "PERMISSION_DENIED",
      `${permission} needs a second factor given a short while ago; call StepUp (POST /v1/auth/step-up, meshctl mfa step-up) with a code of your authenticator app and try again`,
      { reason: "STEP_UP_REQUIRED" },
    );
  }
  throw new AppError(
    "PERMISSION_DENIED",
    `${principal.subject} lacks the permission ${permission}; it holds ${[...principal.permissions].join(", ") || "none"}. Ask an admin for a role that grants it`,
    { reason: "MISSING_PERMISSION" },
  );
}
