import { recordAudit } from "@agentmesh/audit";
import { AppError } from "@agentmesh/errors";
import { isId } from "@agentmesh/ids";
import type { ClientCertificate, RemoveCertificateRequest } from "@agentmesh/proto/auth";
import { type Call, requirePrincipal } from "@agentmesh/rpc";
import { sessionOfCertificate, toClientCertificate } from "../certificate-view.ts";
import type { Context } from "../context.ts";
import { deleteCertificate } from "../store/client-certificates.ts";

/** Ends what the certificate opened, the internal tokens traded for it included, on every replica of every service. */
export async function removeCertificate(
  context: Context,
  { id }: RemoveCertificateRequest,
  call: Call,
): Promise<ClientCertificate> {
  const { tenant, subject } = requirePrincipal(call);
  const at = new Date();
  const removed = await context.db.transaction(async (tx) => {
    const certificate = isId(id) ? await deleteCertificate(tx, tenant, id) : undefined;
    if (!certificate) throw notFound(tenant, id);
    await context.revocations.revokeSessions(tx, tenant, [sessionOfCertificate(id)], at.getTime());
    await recordAudit(
      tx,
      {
        tenant,
        service: "auth",
        subject,
        action: "certificate.removed",
        resource: `Certificate/${id}`,
        outcome: "succeeded",
        reason: `${certificate.kind} ${certificate.value} of ${certificate.subject}`,
        requestId: call.requestId,
      },
      at,
    );
    return certificate;
  });
  await context.revocations.publish();
  return toClientCertificate(removed);
}

function notFound(tenant: string, id: string): AppError {
  return new AppError(
    "NOT_FOUND",
    `tenant ${tenant} has no certificate ${JSON.stringify(id.slice(0, 80))}; list them`,
    {
      reason: "CERTIFICATE_NOT_FOUND",
      field: "id",
    },
  );
}
