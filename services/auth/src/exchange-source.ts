import { AppError, isAppError } from "@agentmesh/errors";
import { intersectScopes } from "@agentmesh/identity";
import type { ExchangeTokenRequest, OnBehalfOf, VerifiedCertificate } from "@agentmesh/proto/auth";
import type { Context } from "./context.ts";
import { hashApiKey, isApiKey, sessionOfApiKey } from "./credentials/api-key.ts";
import { type Authentication, noAuthentication, secondFactorAtMs } from "./domain/authentication.ts";
import type { Rights } from "./domain/decide.ts";
import { findRegistration, noteUse } from "./registered-certificate.ts";
import { accountKey, findActiveAccount } from "./state/find-account.ts";
import type { Account } from "./store/accounts.ts";

/** Whom a credential stands for and what may be passed on of it. */
export type Source = {
  readonly account: Account;
  readonly rights: Pick<Rights, "permissions" | "stepUp">;
  readonly authentication: Authentication;
  readonly sessionId: string;
  readonly actors: readonly string[];
  /** When it ends, or the first of its rights. Infinity: no end of its own. */
  readonly expiresAtMs: number;
};

/** Refuses a credential whose owner is known, and says so in the owner's audit. What nobody owns has none. */
export type Deny = (owner: Pick<Account, "tenant" | "subject">, resource: string, error: AppError) => Promise<never>;

/** Workloads that act for subjects whose token they do not hold: owners of stored runs and accounts of triggers. */
const delegates: ReadonlySet<string> = new Set(["orchestrator", "agent-runner"]);

/** @throws AppError UNAUTHENTICATED, PERMISSION_DENIED or NOT_FOUND, saying which part of the credential failed */
export async function sourceOf(
  context: Context,
  request: ExchangeTokenRequest,
  asking: { readonly workload: string; readonly nowMs: number; readonly deny: Deny },
): Promise<Source> {
  const { credential, remoteAddress: address } = request;
  const when = { nowMs: asking.nowMs, address, deny: asking.deny };
  const { workload } = asking;
  switch (credential?.$case) {
    case "accessToken":
      return fromToken(context, credential.value, workload, when);
    case "apiKey":
      return fromApiKey(context, credential.value, when);
    case "certificate":
      return fromCertificate(context, credential.value, workload, when);
    case "onBehalfOf":
      return onBehalfOf(context, credential.value, workload, when);
    case undefined:
      throw new AppError("INVALID_ARGUMENT", "expected one of access_token, api_key, certificate and on_behalf_of", {
        reason: "NO_CREDENTIAL",
        field: "credential",
      });
    default:
      return credential satisfies never;
  }
}

type When = { readonly nowMs: number; readonly address: string; readonly deny: Deny };

async function fromToken(context: Context, token: string, workload: string, when: When): Promise<Source> {
  const principal = await context.exchangeable(workload).verify(token);
  const account = await activeAccount(context, principal, when);
  const { sessionId, actors, expiresAtMs } = principal;
  const authentication = { amr: principal.amr, atMs: principal.authenticatedAtMs };
  // Roles are judged where the caller comes in. Further inside rights only ever shrink, so what came is passed on.
  if (workload !== "gateway") return { account, rights: principal, authentication, sessionId, actors, expiresAtMs };
  const rights = rightsOf(context, account, when, authentication);
  return {
    account,
    rights,
    authentication,
    sessionId,
    actors,
    expiresAtMs: Math.min(expiresAtMs, rights.untilMs),
  };
}

async function fromApiKey(context: Context, secret: string, when: When): Promise<Source> {
  const key = isApiKey(secret) ? await context.apiKeys.get(hashApiKey(secret).toString("hex")) : undefined;
  const expiresAtMs = key?.expires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  if (!key) throw badApiKey();
  const { tenant, subject } = key;
  const sessionId = sessionOfApiKey(key.id);
  const isOver = key.revoked_at !== null || expiresAtMs <= when.nowMs;
  if (isOver || context.revocations.isRevoked({ tenant, subject, sessionId })) {
    return when.deny(key, `ApiKey/${key.id}`, badApiKey());
  }
  const account = await activeAccount(context, key, when);
  const { permissions: all } = rightsOf(context, account, when, noAuthentication);
  const permissions = key.scopes.length > 0 ? intersectScopes(all, new Set(key.scopes)) : all;
  // Nobody is there to step up.
  const rights = { permissions, stepUp: new Set<string>() };
  return { account, rights, authentication: noAuthentication, sessionId, actors: [], expiresAtMs };
}

/** The gateway has verified the certificate; whom it stands for is the registration's to say, and nothing else's. */
async function fromCertificate(
  context: Context,
  certificate: VerifiedCertificate,
  workload: string,
  when: When,
): Promise<Source> {
  if (workload !== "gateway") {
    throw new AppError(
      "PERMISSION_DENIED",
      `${workload} may not vouch for certificates; callers show them to the gateway`,
      {
        reason: "WORKLOAD_NOT_ALLOWED",
      },
    );
  }
  const registration = await findRegistration(context, certificate, when.nowMs);
  const { entry, sessionId, expiresAtMs, refusal } = registration;
  if (refusal) return when.deny(entry, `Certificate/${entry.id}`, refusal);
  const account = await activeAccount(context, entry, when);
  await noteUse(context, registration, when.nowMs);
  const { permissions } = rightsOf(context, account, when, noAuthentication);
  // Nobody is there to step up.
  const rights = { permissions, stepUp: new Set<string>() };
  return { account, rights, authentication: noAuthentication, sessionId, actors: [], expiresAtMs };
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
    const disabled = new AppError("PERMISSION_DENIED", `${subject} of ${tenant} is disabled; nothing runs for it`, {
      reason: "ACCOUNT_DISABLED",
    });
    return when.deny(account, `Account/${account.username}`, disabled);
  }
  return {
    account,
    rights: { ...rightsOf(context, account, when, noAuthentication), stepUp: new Set() },
    authentication: noAuthentication,
    sessionId: "",
    actors: [],
    expiresAtMs: Number.POSITIVE_INFINITY,
  };
}

async function activeAccount(
  { accounts }: Context,
  { tenant, subject }: Pick<Account, "tenant" | "subject">,
  { deny }: When,
): Promise<Account> {
  try {
    return await findActiveAccount(accounts, tenant, subject);
  } catch (error) {
    if (!isAppError(error) || error.reason !== "ACCOUNT_DISABLED") throw error;
    return deny({ tenant, subject }, `Account/${subject}`, error);
  }
}

function rightsOf(
  { roles, config }: Context,
  account: Account,
  { nowMs, address }: When,
  authentication: Authentication,
): Rights {
  return roles.rightsOf(account.tenant, account.roles, {
    atMs: nowMs,
    address,
    environment: config.environment,
    secondFactorAtMs: secondFactorAtMs(authentication),
  });
}

function badApiKey(): AppError {
  return new AppError("UNAUTHENTICATED", "the API key is not known, was revoked or has expired; create another", {
    reason: "BAD_API_KEY",
  });
}
