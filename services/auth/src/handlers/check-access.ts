import { AppError } from "@agentmesh/errors";
import { holdsScope, type Principal, readScope, requirePermission, scopeText } from "@agentmesh/identity";
import type { CheckAccessReply, CheckAccessRequest } from "@agentmesh/proto/auth";
import { type Call, type DeepPartial, requirePrincipal } from "@agentmesh/rpc";
import type { Context } from "../context.ts";
import { secondFactorAtMs } from "../domain/authentication.ts";
import type { Question } from "../domain/decide.ts";
import type { Decision } from "../domain/explain.ts";
import { faultOfScope } from "../domain/permissions.ts";
import { normaliseUsername } from "../domain/usernames.ts";
import { remoteAddressOf } from "../remote-address.ts";
import { type Account, readAccount, readAccountByUsername } from "../store/accounts.ts";

// What others may is told to those only who could change it.
const ABOUT_OTHERS = "system:admin";

/** Answers what would be decided, and why; decides nothing itself. */
export async function checkAccess(
  context: Context,
  request: CheckAccessRequest,
  call: Call,
): Promise<DeepPartial<CheckAccessReply>> {
  const principal = requirePrincipal(call);
  const question = questionOf(request);
  const account = await find(context, principal, request.subject);
  const isOwn = account?.subject === principal.subject;
  if (!isOwn) requirePermission(principal, ABOUT_OTHERS);
  if (!account) throw notFound(principal.tenant, request.subject);
  const at = request.at ?? new Date();
  const conditions = {
    atMs: at.getTime(),
    address: request.remoteAddress || (isOwn ? remoteAddressOf(call) : ""),
    environment: request.environment || context.config.environment,
    secondFactorAtMs: request.secondFactor ? at.getTime() : isOwn ? factorOf(principal) : undefined,
  };
  const byRoles = context.roles.explain(principal.tenant, account.roles, question, conditions);
  const { allowed, reason, weighed } = isOwn
    ? withCredential(byRoles, principal, request, question)
    : withAccount(byRoles, account);
  return {
    allowed,
    reason,
    rules: weighed.map((rule) => ({ ...rule, path: [...rule.path] })),
    subject: account.subject,
    username: account.username,
    at,
    remoteAddress: conditions.address,
    environment: conditions.environment,
  };
}

function questionOf({ permission, resource }: CheckAccessRequest): Question {
  const asked = resource === "" ? undefined : resource;
  const fault = faultOfScope(scopeText(permission, asked));
  if (fault === undefined && readScope(permission)?.resource === undefined) return { permission, resource: asked };
  throw new AppError("INVALID_ARGUMENT", fault ?? "permission: name the resource in `resource`", {
    reason: "UNKNOWN_PERMISSION",
    field: "permission",
  });
}

async function find({ db }: Context, { tenant, subject: own }: Principal, asked: string): Promise<Account | undefined> {
  const subject = asked || own;
  return subject.includes(":")
    ? readAccount(db, tenant, subject)
    : readAccountByUsername(db, tenant, normaliseUsername(subject));
}

function notFound(tenant: string, subject: string): AppError {
  return new AppError("NOT_FOUND", `tenant ${tenant} has no account ${JSON.stringify(subject.slice(0, 80))}`, {
    reason: "USER_NOT_FOUND",
    field: "subject",
  });
}

function factorOf({ amr, authenticatedAtMs }: Principal): number | undefined {
  return secondFactorAtMs({ amr, atMs: authenticatedAtMs });
}

function withAccount(decision: Decision, { subject, disabled_at }: Account): Decision {
  if (!disabled_at) return decision;
  return { allowed: false, reason: `${subject} is disabled`, weighed: [] };
}

/** What the roles grant may be more than the token carries that is in use: that of an API key with scopes, for instance. */
function withCredential(
  decision: Decision,
  { permissions }: Principal,
  { at, remoteAddress, environment, secondFactor }: CheckAccessRequest,
  { permission, resource }: Question,
): Decision {
  const isNow = !at && remoteAddress === "" && environment === "" && !secondFactor;
  if (!decision.allowed || !isNow || holdsScope(permissions, permission, resource)) return decision;
  const obstacle = "the credential in use holds less: an API key with scopes, or a token from before the last change";
  const weighed = decision.weighed.map((rule) => ({ ...rule, allows: false, constraint: "credential", obstacle }));
  return { allowed: false, reason: `${decision.reason}, but ${obstacle}`, weighed };
}
