import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { Transaction } from "@agentmesh/postgres";
import type { Context } from "../context.ts";
import type { ExternalIdentity } from "../domain/external-identity.ts";
import { accountKey } from "../state/find-account.ts";
import { type Account, insertAccount } from "../store/accounts.ts";
import { linkAccount, readLinkedAccount, updateProfile } from "../store/federated-identities.ts";
import { lockTenant } from "../store/tenants.ts";

export type Admission = {
  readonly tenant: string;
  readonly provider: string;
  readonly identity: ExternalIdentity;
  readonly at: Date;
  readonly requestId: string;
};

/**
 * The account of somebody a provider vouches for: the one linked to that issuer and subject, or a new one. A user name
 * that is taken is never a link, whoever vouches for it: names and addresses change hands.
 *
 * Nobody comes in for the first time whom no group or default gives a role: some providers know the whole world.
 *
 * @throws AppError UNAUTHENTICATED (USERNAME_TAKEN, ACCOUNT_DISABLED, NOT_ADMITTED)
 */
export async function admit(context: Context, admission: Admission): Promise<Account> {
  const { tenant, identity, at } = admission;
  const account = await context.db.transaction(async (tx) => {
    // Two first sign-ins at once make one account.
    await lockTenant(tx, tenant, `identity/${identity.issuer}/${identity.externalId}`);
    const linked = await readLinkedAccount(tx, { tenant, ...identity });
    const found = linked ?? (await create(tx, admission, at));
    const { displayName: display_name, email, department, roles } = identity;
    return updateProfile(tx, found, { display_name, email, department, roles });
  });
  if (!account || account.disabled_at) {
    throw new AppError("UNAUTHENTICATED", `the account may not act any more; ask an admin of ${tenant}`, {
      reason: "ACCOUNT_DISABLED",
    });
  }
  context.accounts.forget(accountKey(tenant, account.subject));
  return account;
}

async function create(tx: Transaction, admission: Admission, at: Date): Promise<Account> {
  const { tenant, provider, identity, requestId } = admission;
  const { username } = identity;
  if (identity.roles.length === 0) throw notAdmitted(provider);
  const account = {
    tenant,
    subject: `user:${newId()}`,
    username,
    // Nobody signs in with a password of ours who is known elsewhere.
    password_hash: null,
    display_name: "",
    email: "",
    department: "",
    project: "",
    roles: [],
    service_account: false,
    created_at: at,
  };
  if (!(await insertAccount(tx, account))) {
    throw new AppError(
      "UNAUTHENTICATED",
      `the user name ${username} belongs to another account of ${tenant}; an admin must give one of them another name`,
      { reason: "USERNAME_TAKEN" },
    );
  }
  await linkAccount(tx, { tenant, ...identity }, { subject: account.subject, provider, at });
  await recordAudit(
    tx,
    {
      tenant,
      service: "auth",
      subject: account.subject,
      action: "account.created",
      resource: `Account/${username}`,
      outcome: "succeeded",
      reason: `first sign-in through IdentityProvider/${provider}`,
      requestId,
    },
    at,
  );
  return { ...account, disabled_at: null, disabled_by: null, last_sign_in_at: null, second_factor_at: null };
}

function notAdmitted(provider: string): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    `IdentityProvider/${provider} gives no role to you or any group of yours; ask an admin for one of its groups`,
    { reason: "NOT_ADMITTED" },
  );
}
