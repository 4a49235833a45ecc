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
  /** When the token ends, milliseconds since the epoch. */
  readonly expiresAtMs: number;
};

/** @throws AppError PERMISSION_DENIED unless the principal holds the permission; the empty permission is always held */
export function requirePermission(principal: Principal, permission: string): void {
  if (permission === "" || principal.permissions.has(permission)) return;
  throw new AppError(
    "PERMISSION_DENIED",
    `${principal.subject} lacks the permission ${permission}; it holds ${[...principal.permissions].join(", ") || "none"}. Ask an admin for a role that grants it`,
    { reason: "MISSING_PERMISSION" },
  );
}
