import { AppError } from "@agentmesh/errors";
import type { Database } from "@agentmesh/postgres";
import { type Account, readAccount } from "../store/accounts.ts";
import { type Remembered, remember } from "./remembered.ts";

// A slash stands in no tenant's name.
export function accountKey(tenant: string, subject: string): string {
  return `${tenant}/${subject}`;
}

export function rememberAccounts(db: Database): Remembered<Account> {
  return remember((key) => {
    const end = key.indexOf("/");
    return readAccount(db, key.slice(0, end), key.slice(end + 1));
  });
}

/** @throws AppError UNAUTHENTICATED (ACCOUNT_DISABLED) when it is not there or may not act */
export async function findActiveAccount(
  accounts: Remembered<Account>,
  tenant: string,
  subject: string,
): Promise<Account> {
  const account = await accounts.get(accountKey(tenant, subject));
  if (account && !account.disabled_at) return account;
  throw new AppError("UNAUTHENTICATED", `${subject} may not act any more; ask an admin of ${tenant}`, {
    reason: "ACCOUNT_DISABLED",
  });
}
