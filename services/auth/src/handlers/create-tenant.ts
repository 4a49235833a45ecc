import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import type { CreateTenantRequest, Tenant } from "@agentmesh/proto/auth";
import type { Resources } from "@agentmesh/resources";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { bootstrap } from "../bootstrap.ts";
import type { Context } from "../context.ts";
import { adminRole } from "../domain/shipped-roles.ts";
import { checkNewPassword, checkTenantName, checkUsername } from "../domain/usernames.ts";
import { someoneHolds } from "../store/accounts.ts";
import { readTenant } from "../store/tenants.ts";

/** A tenant with its shipped roles and its first admin. One that was left half made is completed. */
export async function createTenant(
  context: Context,
  resources: Resources,
  request: CreateTenantRequest,
  call: Call,
): Promise<Tenant> {
  const { tenant: own, subject } = requirePrincipal(call);
  const home = context.config.bootstrap.tenant;
  if (own !== home) {
    throw new AppError("PERMISSION_DENIED", `only admins of ${home}, the mesh's own tenant, may create tenants`, {
      reason: "NOT_HOME_TENANT",
    });
  }
  const name = checkTenantName(request.name);
  const adminUsername = checkUsername(request.adminUsername, false);
  checkNewPassword(request.adminPassword, adminUsername);
  if ((await readTenant(context.db, name)) && (await someoneHolds(context.db, name, adminRole))) {
    throw new AppError("CONFLICT", `tenant ${name} exists already; choose another name`, {
      reason: "TENANT_EXISTS",
      field: "name",
    });
  }
  const { db, passwords, log } = context;
  await bootstrap(
    { db, resources, passwords, log },
    { tenant: name, adminUsername, adminPassword: request.adminPassword },
  );
  await db.transaction((tx) =>
    recordAudit(
      tx,
      {
        tenant: own,
        service: "auth",
        subject,
        action: "tenant.created",
        resource: `Tenant/${name}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      new Date(),
    ),
  );
  return { name, createdAt: (await readTenant(db, name))?.created_at };
}
