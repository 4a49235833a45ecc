import { AppError } from "@agentmesh/errors";
import type { ExchangeTokenRequest, OnBehalfOf } from "@agentmesh/proto/auth";
import type { Context } from "./context.ts";
import { hashApiKey, isApiKey, sessionOfApiKey } from "./credentials/api-key.ts";
import { accountKey, findActiveAccount } from "./state/find-account.ts";
import type { Account } from "./store/accounts.ts";

/** Whom a credential stands for and what may be passed on of it. */
export type Source = {
  readonly account: Account;
  readonly permissions: readonly string[];
  readonly sessionId: string;
  readonly actors: readonly string[];
  /** Infinity: no end of its own. */
  readonly expiresAtMs: number;
};

/** Workloads that act for subjects whose token they do not hold: owners of stored runs and accounts of triggers. */
const delegates: ReadonlySet<string> = new Set(["orchestrator", "agent-runner"]);

/** @throws AppError UNAUTHENTICATED, PERMISSION_DENIED or NOT_FOUND, saying which part of the credential failed */
export async function sourceOf(
  context: Context,
  request: ExchangeTokenRequest,
  workload: string,
  nowMs: number,
): Promise<Source> {
  const { credential, remoteAddress } = request;
  switch (credential?.$case) {
    case "accessToken":
      return fromToken(context, credential.value, workload, { nowMs, address: remoteAddress });
    case "apiKey":
      return fromApiKey(context, credential.value, { nowMs, address: remoteAddress });
    case "onBehalfOf":
      return onBehalfOf(context, credential.value, workload, { nowMs, address: remoteAddress });
    case undefined:
      throw new AppError("INVALID_ARGUMENT", "expected one of access_token, api_key and on_behalf_of", {
        reason: "NO_CREDENTIAL",
        field: "credential",
      });
    default:
      return credential satisfies never;
  }
}

type When = { readonly nowMs: number; readonly address: string };

async function fromToken(context: Context, token: string, workload: string, when: When): Promise<Source> {
  const principal = await context.exchangeable(workload).verify(token);
  const account = await findActiveAccount(context.accounts, principal.tenant, principal.subject);
  const { sessionId, actors, expiresAtMs } = principal;
  // Roles are judged where the caller comes in. Further inside rights only ever shrink, so what came is passed on.
  const permissions = workload === "gateway" ? rightsOf(context, account, when) : [...principal.permissions].sort();
  return { account, permissions, sessionId, actors, expiresAtMs };
}

async function fromApiKey(context: Context, secret: string, when: When): Promise<Source> {
  const key = isApiKey(secret) ? await context.apiKeys.get(hashApiKey(secret).toString("hex")) : undefined;
  const expiresAtMs = key?.expires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  if (!key || key.revoked_at || expiresAtMs <= when.nowMs) throw badApiKey();
  const { tenant, subject } = key;
  const sessionId = sessionOfApiKey(key.id);
  if (context.revocations.isRevoked({ tenant, subject, sessionId })) throw badApiKey();
  const account = await findActiveAccount(context.accounts, tenant, subject);
  const rights = rightsOf(context, account, when);
  const permissions = key.scopes.length > 0 ? rights.filter((permission) => key.scopes.includes(permission)) : rights;
  return { account, permissions, sessionId, actors: [], expiresAtMs };
}

async function onBehalfOf(
  context: Context,
  { tenant, subject }: OnBehalfOf,
  workload: string,
  when: When,
): Promise<Source> {
  if (!delegates.has(workload)) {
    throw new AppError("PERMISSION_DENIED", `${workload} may not act on behalf of others; send their credential`, {
      reason: "WORKLOAD_NOT_ALLOWED",
    });
  }
  const account = await context.accounts.get(accountKey(tenant, subject));
  if (!account) {
    throw new AppError(
      "NOT_FOUND",
      `tenant ${tenant} has no account ${JSON.stringify(subject.slice(0, 80))}; apply a ServiceAccount or create the user`,
      { reason: "SUBJECT_NOT_FOUND", field: "on_behalf_of.subject" },
    );
  }
  if (account.disabled_at || context.revocations.isRevoked({ tenant, subject, sessionId: "" })) {
    throw new AppError("PERMISSION_DENIED", `${subject} of ${tenant} is disabled; nothing runs for it`, {
      reason: "ACCOUNT_DISABLED",
    });
  }
  return {
    account,
    permissions: rightsOf(context, account, when),
    sessionId: "",
    actors: [],
    expiresAtMs: Number.POSITIVE_INFINITY,
  };
}

function rightsOf({ roles, config }: Context, account: Account, { nowMs, address }: When): string[] {
  const { environment } = config;
  return roles.permissionsOf(account.tenant, account.roles, { atMs: nowMs, address, environment });
}

function badApiKey(): AppError {
  return new AppError("UNAUTHENTICATED", "the API key is not known, was revoked or has expired; create another", {
    reason: "BAD_API_KEY",
  });
}
