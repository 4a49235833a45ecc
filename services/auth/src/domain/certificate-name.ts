import { X509Certificate } from "node:crypto";
import { AppError } from "@agentmesh/errors";
import type { RegisterCertificateRequest, VerifiedCertificate } from "@agentmesh/proto/auth";

/** What a certificate is known by. */
export type CertificateName = { readonly kind: "uri" | "dns" | "email" | "sha256"; readonly value: string };

/** More names than a certificate has that was made for somebody who calls. */
const MAX_NAMES = 20;
const MAX_CHARS = 500;
const MAX_PEM = 20_000;

const URI = /^[a-z][a-z0-9+.-]*:\/\/[!-~]+$/;
const DNS = /^([a-z0-9_]([a-z0-9-]*[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const EMAIL = /^[!-?A-~]+@[a-z0-9.-]+$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** The names of a verified certificate, the most exact first. @throws AppError UNAUTHENTICATED (BAD_CERTIFICATE) */
export function namesOf({ sha256, uris, dnsNames, emails }: VerifiedCertificate): CertificateName[] {
  const names: CertificateName[] = [
    { kind: "sha256", value: sha256 },
    ...uris.map((value) => ({ kind: "uri", value }) as const),
    ...dnsNames.map((value) => ({ kind: "dns", value: value.toLowerCase() }) as const),
    ...emails.map((value) => ({ kind: "email", value: emailOf(value) }) as const),
  ];
  const isNone = ({ value }: CertificateName) => value === "" || value.length > MAX_CHARS || value.includes("\0");
  if (SHA256.test(sha256) && names.length <= MAX_NAMES && !names.some(isNone)) return names;
  throw new AppError(
    "UNAUTHENTICATED",
    `the client certificate has more than ${MAX_NAMES} names, or one that is none`,
    {
      reason: "BAD_CERTIFICATE",
    },
  );
}

/** The one name that is to be registered. @throws AppError INVALID_ARGUMENT (BAD_CERTIFICATE_NAME) */
export function nameToRegister(request: RegisterCertificateRequest): CertificateName {
  const { uri, dns, email, sha256, pem } = request;
  const given = Object.entries({ uri, dns, email, sha256, pem }).filter(([, value]) => value !== "");
  const [[field, value] = ["", ""], ...more] = given;
  if (more.length > 0) throw badName("give one of uri, dns, email, sha256 and pem");
  switch (field) {
    case "uri":
      return checked({ kind: "uri", value }, URI, "a URI such as spiffe://corp/ci");
    case "dns":
      return checked(
        { kind: "dns", value: value.toLowerCase() },
        DNS,
        "a full name such as ci.corp.example, no wildcard",
      );
    case "email":
      return checked({ kind: "email", value: emailOf(value) }, EMAIL, "an address such as ci@corp.example");
    case "sha256": {
      const hex = value.replaceAll(":", "").toLowerCase();
      return checked({ kind: "sha256", value: hex }, SHA256, "32 bytes in hex");
    }
    case "pem":
      return { kind: "sha256", value: fingerprintOf(value) };
    default:
      throw badName("give one of uri, dns, email, sha256 and pem");
  }
}

function checked(name: CertificateName, pattern: RegExp, expected: string): CertificateName {
  if (name.value.length <= MAX_CHARS && pattern.test(name.value)) return name;
  throw badName(`${name.kind}: ${JSON.stringify(name.value.slice(0, 80))} is not ${expected}`, name.kind);
}

/** The part after the @ is a domain, whose case does not matter. */
function emailOf(address: string): string {
  const at = address.lastIndexOf("@");
  return address.slice(0, at) + address.slice(at).toLowerCase();
}

function fingerprintOf(pem: string): string {
  try {
    if (pem.length <= MAX_PEM) return new X509Certificate(pem).fingerprint256.replaceAll(":", "").toLowerCase();
  } catch {
    // Said below.
  }
  throw badName("pem: it is no certificate", "pem");
}

function badName(why: string, field = ""): AppError {
  return new AppError("INVALID_ARGUMENT", why, { reason: "BAD_CERTIFICATE_NAME", ...(field && { field }) });
}
