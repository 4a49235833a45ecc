import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { CreateUserRequest, User } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toUser } from "../account-views.ts";
import type { Context } from "../context.ts";
import { checkNewPassword, checkUsername } from "../domain/usernames.ts";
import { insertAccount } from "../store/accounts.ts";
import { missingRoles } from "../store/roles.ts";

const MAX_TEXT = 200;
const MAX_ROLES = 50;

export async function createUser(context: Context, request: CreateUserRequest, call: Call): Promise<User> {
  const { tenant, subject: creator } = requirePrincipal(call);
  const { serviceAccount, password } = request;
  const username = checkUsername(request.username, serviceAccount);
  checkTexts(request);
  if (serviceAccount && password !== "") {
    throw new AppError("INVALID_ARGUMENT", "password: a service account signs in with API keys only; leave it empty", {
      reason: "NO_PASSWORD_EXPECTED",
      field: "password",
    });
  }
  if (!serviceAccount) checkNewPassword(password, username);
  const at = new Date();
  const account = {
    tenant,
    subject: serviceAccount ? `svc:${username}` : `user:${newId()}`,
    username,
    password_hash: serviceAccount ? null : await context.passwords.hash(password),
    display_name: request.displayName,
    email: request.email,
    department: request.department,
    project: "",
    roles: [...new Set(request.roles)],
    service_account: serviceAccount,
    created_at: at,
  };
  await context.db.transaction(async (tx) => {
    const missing = await missingRoles(tx, tenant, account.roles);
    if (missing.length > 0) {
      throw new AppError("INVALID_ARGUMENT", `roles: ${missing.join(", ")} not found in ${tenant}; apply them first`, {
        reason: "UNKNOWN_ROLE",
        field: "roles",
      });
    }
    if (!(await insertAccount(tx, account))) {
      throw new AppError("CONFLICT", `username ${username} is taken in ${tenant}; choose another`, {
        reason: "USERNAME_TAKEN",
        field: "username",
      });
    }
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: creator,
        action: "account.created",
        resource: `Account/${username}`,
        outcome: "succeeded",
        requestId: call.requestId,
      },
      at,
    );
  });
  return toUser({ ...account, disabled_at: null, disabled_by: null, last_sign_in_at: null, second_factor_at: null });
}

function checkTexts(request: CreateUserRequest): void {
  for (const field of ["displayName", "email", "department"] as const) {
    if (request[field].length <= MAX_TEXT) continue;
    throw new AppError("INVALID_ARGUMENT", `${field} has ${request[field].length} characters; at most ${MAX_TEXT}`, {
      reason: "TOO_LONG",
      field,
    });
  }
  if (request.roles.length <= MAX_ROLES) return;
  throw new AppError("INVALID_ARGUMENT", `roles: got ${request.roles.length}; at most ${MAX_ROLES}`, {
    reason: "TOO_MANY_ROLES",
    field: "roles",
  });
}
