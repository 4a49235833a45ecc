import type { User, UserContext } from "@agentmesh/proto/auth";
import type { DeepPartial } from "@agentmesh/rpc";
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
  };
}

/** An account as it acts. */
export function toUserContext(
  account: Account,
  acting: { permissions: Iterable<string>; actors: readonly string[]; sessionExpiresAt?: Date | undefined },
): DeepPartial<UserContext> {
  const permissions = new Set(acting.permissions);
  return {
    tenant: account.tenant,
    subject: account.subject,
    username: account.username,
    displayName: account.display_name,
    email: account.email,
    roles: [...account.roles],
    permissions: [...permissions],
    department: account.department,
    clearance: clearanceOf(permissions),
    lastSignIn: account.last_sign_in_at ?? undefined,
    sessionExpiresAt: acting.sessionExpiresAt,
    actors: [...acting.actors],
  };
}
