import type { ClientCertificate } from "@agentmesh/proto/auth";
import type { StoredCertificate } from "./store/client-certificates.ts";

/** Stands for the registration where tokens carry a session, so that removing it ends its tokens as signing out does. */
export function sessionOfCertificate(id: string): string {
  return `cert-${id}`;
}

export function toClientCertificate(certificate: StoredCertificate): ClientCertificate {
  return {
    id: certificate.id,
    kind: certificate.kind,
    value: certificate.value,
    subject: certificate.subject,
    createdAt: certificate.created_at,
    expiresAt: certificate.expires_at ?? undefined,
    lastUsedAt: certificate.last_used_at ?? undefined,
  };
}
