import type { User, UserContext } from "@agentmesh/proto/auth";
import type { DeepPartial } from "@agentmesh/rpc";
import type { Authentication } from "./domain/authentication.ts";
import type { Rights } from "./domain/decide.ts";
import { clearanceOf } from "./domain/permissions.ts";
import type { Account } from "./store/accounts.ts";

/** An account as admins see it. */
export function toUser(account: Account): User {
  return {
    subject: account.subject,
    tenant: account.tenant,
    username: account.username,
    displayName: account.display_name,
    email: account.email,
    department: account.department,
    roles: [...account.roles],
    disabled: account.disabled_at !== null,
    serviceAccount: account.service_account,
    createdAt: account.created_at,
    secondFactorEnrolled: account.second_factor_at !== null,
  };
}

/** An account as it acts. */
export function toUserContext(
  account: Account,
  acting: {
    rights: Pick<Rights, "permissions" | "stepUp">;
    authentication: Authentication;
    actors: readonly string[];
    sessionExpiresAt?: Date | undefined;
  },
): DeepPartial<UserContext> {
  const { permissions, stepUp } = acting.rights;
  const { amr, atMs } = acting.authentication;
  return {
    tenant: account.tenant,
    subject: account.subject,
    username: account.username,
    displayName: account.display_name,
    email: account.email,
    roles: [...account.roles],
    permissions: [...permissions].sort(),
    department: account.department,
    clearance: clearanceOf(permissions),
    lastSignIn: account.last_sign_in_at ?? undefined,
    sessionExpiresAt: acting.sessionExpiresAt,
    actors: [...acting.actors],
    amr: [...amr],
    authenticatedAt: atMs > 0 ? new Date(atMs) : undefined,
    secondFactorEnrolled: account.second_factor_at !== null,
    stepUpPermissions: [...stepUp].sort(),
  };
}
