import { AppError } from "@agentmesh/errors";
import { isUniqueViolation, type Queryable, type Transaction } from "@agentmesh/postgres";
import type { ResourcesOptions, StoredResource } from "@agentmesh/resources";
import { z } from "zod";
import { checkRoles, type RoleSpecs } from "./domain/compile-roles.ts";
import { type IdentityProviderSpec, identityProviderSpecSchema } from "./domain/identity-provider-spec.ts";
import { type RoleSpec, roleSpecSchema } from "./domain/role-spec.ts";
import { adminRole } from "./domain/shipped-roles.ts";
import { accountKey } from "./state/find-account.ts";
import type { Remembered } from "./state/remembered.ts";
import type { Revocations } from "./state/revocations.ts";
import { type Account, disableAccount, readAccount, upsertServiceAccount } from "./store/accounts.ts";
import { missingRoles, readRoles } from "./store/roles.ts";
import { lockTenant } from "./store/tenants.ts";

const serviceAccountSchema = z.strictObject({
  displayName: z.string().max(200).default(""),
  department: z.string().max(200).default(""),
  project: z.string().max(200).default(""),
  roles: z.array(z.string()).max(50).default([]),
});

type ServiceAccountSpec = z.infer<typeof serviceAccountSchema>;

export const kinds = {
  Role: { schema: roleSpecSchema, check: checkRole },
  IdentityProvider: { schema: identityProviderSpecSchema, check: checkIdentityProvider },
  ServiceAccount: { schema: serviceAccountSchema, check: checkServiceAccount },
};

export type KindsContext = { readonly revocations: Revocations; readonly accounts: Remembered<Account> };

/** Keeps the accounts in step with the resources that declare them. */
export function onChange(context: KindsContext): NonNullable<ResourcesOptions["onChange"]> {
  return async (tx, row) => {
    if (row.kind === "ServiceAccount") await storeServiceAccount(context, tx, row);
    else if (row.kind === "Role" && row.deleted) await assertNotInherited(tx, row);
  };
}

async function checkRole(tx: Queryable, tenant: string, name: string, spec: RoleSpec): Promise<void> {
  if (name === adminRole && !spec.permissions.includes("system:admin")) {
    throw new AppError("INVALID_ARGUMENT", "role admin must keep system:admin, or nobody could give it back", {
      reason: "ADMIN_ROLE",
      field: "spec.permissions",
    });
  }
  // Two roles applied at once could close a circle that neither sees; so one after the other.
  await lockTenant(tx, tenant, "roles");
  checkRoles(new Map([...(await storedRoles(tx, tenant)), [name, spec]]));
}

async function assertNotInherited(tx: Transaction, { tenant, name }: StoredResource): Promise<void> {
  if (name === adminRole) {
    throw new AppError("FAILED_PRECONDITION", "role admin cannot be deleted; without it nobody could administer", {
      reason: "ADMIN_ROLE",
    });
  }
  await lockTenant(tx, tenant, "roles");
  for (const [other, spec] of await storedRoles(tx, tenant)) {
    if (!spec.inherits.includes(name)) continue;
    throw new AppError("FAILED_PRECONDITION", `role ${name} is inherited by ${other}; change that one first`, {
      reason: "ROLE_INHERITED",
    });
  }
}

async function storedRoles(tx: Queryable, tenant: string): Promise<RoleSpecs> {
  const stored = await readRoles(tx, tenant);
  return new Map([...stored].map(([name, spec]) => [name, roleSpecSchema.parse(spec)]));
}

async function checkServiceAccount(
  tx: Queryable,
  tenant: string,
  name: string,
  { roles }: ServiceAccountSpec,
): Promise<void> {
  const missing = await missingRoles(tx, tenant, roles);
  if (missing.length === 0) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `ServiceAccount/${name}: roles ${missing.join(", ")} not found in ${tenant}; apply them first`,
    { reason: "UNKNOWN_ROLE", field: "spec.roles" },
  );
}

async function checkIdentityProvider(
  tx: Queryable,
  tenant: string,
  name: string,
  { defaultRoles, groups }: IdentityProviderSpec,
): Promise<void> {
  const missing = await missingRoles(tx, tenant, [...defaultRoles, ...groups.flatMap(({ roles }) => roles)]);
  if (missing.length === 0) return;
  throw new AppError(
    "INVALID_ARGUMENT",
    `IdentityProvider/${name}: roles ${[...new Set(missing)].join(", ")} not found in ${tenant}; apply them first`,
    { reason: "UNKNOWN_ROLE", field: "spec.groups" },
  );
}

async function storeServiceAccount(
  { revocations, accounts }: KindsContext,
  tx: Transaction,
  row: StoredResource,
): Promise<void> {
  const { tenant, name, applied_at } = row;
  const subject = `svc:${name}`;
  const atMs = applied_at.getTime();
  if (row.deleted) {
    await disableAccount(tx, tenant, name, applied_at, "deleted");
    await revocations.revokeSubject(tx, tenant, subject, atMs);
  } else {
    const before = await readAccount(tx, tenant, subject);
    const spec = serviceAccountSchema.parse(row.spec);
    await upsertServiceAccount(tx, {
      tenant,
      subject,
      username: name,
      display_name: spec.displayName,
      department: spec.department,
      project: spec.project,
      roles: spec.roles,
      created_at: applied_at,
    }).catch((error: unknown) => {
      throw isUniqueViolation(error, "account_username") ? nameTaken(tenant, name) : error;
    });
    if (before?.disabled_by === "deleted") await revocations.liftSubject(tx, tenant, subject, atMs);
  }
  tx.afterCommit(() => {
    accounts.forget(accountKey(tenant, subject));
    void revocations.publish();
  });
}

function nameTaken(tenant: string, name: string): AppError {
  return new AppError(
    "CONFLICT",
    `${name} is the user name of a user of ${tenant}; name the service account otherwise`,
    {
      reason: "USERNAME_TAKEN",
      field: "name",
    },
  );
}
