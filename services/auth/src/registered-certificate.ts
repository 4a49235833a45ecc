import { AppError } from "@agentmesh/errors";
import type { VerifiedCertificate } from "@agentmesh/proto/auth";
import { sessionOfCertificate } from "./certificate-view.ts";
import type { Context } from "./context.ts";
import { type CertificateName, namesOf } from "./domain/certificate-name.ts";
import { findCertificates, noteCertificateUse, type StoredCertificate } from "./store/client-certificates.ts";

/** Whom a certificate stands for. */
export type Registration = {
  readonly entry: StoredCertificate;
  /** Where tokens carry a session. */
  readonly sessionId: string;
  /** When the registration or the certificate ends. Infinity: neither does, as far as is known. */
  readonly expiresAtMs: number;
  /** Why it does not count any more. */
  readonly refusal: AppError | undefined;
};

/**
 * What an admin of the tenant registered of a verified certificate. The fingerprint, which is one certificate's, goes
 * before names, which may be those of many; names of two accounts are neither's.
 *
 * @throws AppError UNAUTHENTICATED (BAD_CERTIFICATE) when there is nothing
 */
export async function findRegistration(
  context: Context,
  certificate: VerifiedCertificate,
  nowMs: number,
): Promise<Registration> {
  const { tenant } = certificate;
  const names = namesOf(certificate);
  const found = tenant.includes("\0") ? [] : await findCertificates(context.db, tenant, names);
  const [entry, ...others] = found.toSorted((a, b) => rankOf(a) - rankOf(b));
  if (!entry) throw badCertificate();
  const { subject } = entry;
  const sessionId = sessionOfCertificate(entry.id);
  const notAfterMs = certificate.notAfter?.getTime() ?? Number.POSITIVE_INFINITY;
  const expiresAtMs = Math.min(notAfterMs, entry.expires_at?.getTime() ?? Number.POSITIVE_INFINITY);
  const isAmbiguous = others.some((other) => rankOf(other) === rankOf(entry) && other.subject !== subject);
  const isOver = expiresAtMs <= nowMs || context.revocations.isRevoked({ tenant, subject, sessionId });
  return { entry, sessionId, expiresAtMs, refusal: isAmbiguous || isOver ? badCertificate() : undefined };
}

export function noteUse({ db }: Context, { entry }: Registration, nowMs: number): Promise<void> {
  return noteCertificateUse(db, entry, new Date(nowMs));
}

function rankOf({ kind }: CertificateName): number {
  return kind === "sha256" ? 0 : 1;
}

function badCertificate(): AppError {
  return new AppError(
    "UNAUTHENTICATED",
    "the client certificate stands for nobody of the tenant that x-agentmesh-tenant names, or does no longer; ask its admin to register it",
    { reason: "BAD_CERTIFICATE" },
  );
}
