import { recordAudit } from "@agentmesh/audit";
import { newId } from "@agentmesh/ids";
import type { Database } from "@agentmesh/postgres";
import type { Resources } from "@agentmesh/resources";
import type { Logger } from "@agentmesh/telemetry";
import type { AuthConfig } from "./config.ts";
import type { Passwords } from "./credentials/password.ts";
import { adminRole, shippedRoles } from "./domain/shipped-roles.ts";
import { checkNewPassword, checkUsername } from "./domain/usernames.ts";
import { insertAccount, someoneHolds } from "./store/accounts.ts";
import { lastAppliedBy } from "./store/roles.ts";
import { insertTenant, lockTenant } from "./store/tenants.ts";

export type BootstrapContext = {
  readonly db: Database;
  readonly resources: Resources;
  readonly passwords: Passwords;
  readonly log: Logger;
};

/** Who the audit names for what the service does by itself. */
const SYSTEM = "system:auth";

/**
 * Makes the tenant, its shipped roles and its first admin where they are missing. Any number of replicas may do it at
 * once, and at every start.
 */
export async function bootstrap(context: BootstrapContext, settings: AuthConfig["bootstrap"]): Promise<void> {
  const { tenant } = settings;
  await insertTenant(context.db, tenant);
  for (const [name, spec] of Object.entries(shippedRoles)) await applyShippedRole(context, tenant, name, spec);
  await createFirstAdmin(context, settings);
}

async function applyShippedRole(
  { db, resources }: BootstrapContext,
  tenant: string,
  name: string,
  spec: Record<string, unknown>,
): Promise<void> {
  const appliedBy = await lastAppliedBy(db, tenant, name);
  if (appliedBy !== undefined && appliedBy !== SYSTEM) return;
  await resources.apply(
    { tenant, subject: SYSTEM },
    { kind: "Role", name, labels: {}, spec, dryRun: false, expectVersion: 0 },
  );
}

async function createFirstAdmin(context: BootstrapContext, settings: AuthConfig["bootstrap"]): Promise<void> {
  const { db, passwords, log } = context;
  const { tenant, adminPassword } = settings;
  if (await someoneHolds(db, tenant, adminRole)) return;
  if (adminPassword === "") {
    log.warn({ tenant }, "the tenant has no admin; set BOOTSTRAP_ADMIN_PASSWORD to make one");
    return;
  }
  const username = checkUsername(settings.adminUsername, false);
  checkNewPassword(adminPassword, username);
  const at = new Date();
  const account = {
    tenant,
    subject: `user:${newId()}`,
    username,
    password_hash: await passwords.hash(adminPassword),
    display_name: "Administrator",
    email: "",
    department: "",
    project: "",
    roles: [adminRole],
    service_account: false,
    created_at: at,
  };
  await db.transaction(async (tx) => {
    await lockTenant(tx, tenant, "bootstrap");
    if ((await someoneHolds(tx, tenant, adminRole)) || !(await insertAccount(tx, account))) return;
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: SYSTEM,
        action: "account.created",
        resource: `Account/${username}`,
        outcome: "succeeded",
      },
      at,
    );
    log.info({ tenant, username }, "first admin made");
  });
}
