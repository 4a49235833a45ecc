import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { newId } from "@agentmesh/ids";
import type { ClientCertificate, RegisterCertificateRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { toClientCertificate } from "../certificate-view.ts";
import type { Context } from "../context.ts";
import { nameToRegister } from "../domain/certificate-name.ts";
import { normaliseUsername } from "../domain/usernames.ts";
import { readAccountByUsername } from "../store/accounts.ts";
import { countCertificates, insertCertificate } from "../store/client-certificates.ts";
import { lockTenant } from "../store/tenants.ts";
import { userNotFound } from "./disable-user.ts";

export const MAX_CERTIFICATES = 1_000;

/** From now on a certificate of that name, verified where it came in, stands for the account as an API key would. */
export async function registerCertificate(
  { db }: Context,
  request: RegisterCertificateRequest,
  call: Call,
): Promise<ClientCertificate> {
  const { tenant, subject: admin } = requirePrincipal(call);
  const name = nameToRegister(request);
  const username = normaliseUsername(request.username);
  const at = new Date();
  const registered = await db.transaction(async (tx) => {
    const owner = await readAccountByUsername(tx, tenant, username);
    if (!owner || owner.disabled_at) throw userNotFound(tenant, username);
    await lockTenant(tx, tenant, "certificates");
    if ((await countCertificates(tx, tenant)) >= MAX_CERTIFICATES) throw tooMany(tenant);
    const certificate = {
      ...name,
      tenant,
      id: newId(),
      subject: owner.subject,
      created_at: at,
      created_by: admin,
      expires_at: request.ttlS > 0 ? new Date(at.getTime() + request.ttlS * 1000) : null,
    };
    if (!(await insertCertificate(tx, certificate))) throw taken(tenant, name.value);
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject: admin,
        action: "certificate.registered",
        resource: `Certificate/${certificate.id}`,
        outcome: "succeeded",
        reason: `${name.kind} ${name.value} for ${owner.subject}`,
        requestId: call.requestId,
      },
      at,
    );
    return certificate;
  });
  return toClientCertificate({ ...registered, last_used_at: null });
}

function taken(tenant: string, value: string): AppError {
  return new AppError("CONFLICT", `${value} is registered in ${tenant} already; remove that registration first`, {
    reason: "CERTIFICATE_TAKEN",
  });
}

function tooMany(tenant: string): AppError {
  return new AppError(
    "FAILED_PRECONDITION",
    `${tenant} has ${MAX_CERTIFICATES} registered certificates, the most there may be; remove some`,
    { reason: "TOO_MANY_CERTIFICATES" },
  );
}
