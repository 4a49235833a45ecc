import type { X509Certificate } from "node:crypto";

export type CertificateNames = {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  readonly emails: readonly string[];
};

/** Values that could be taken for more than one name Node writes as JSON strings. */
const NAME = /([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^",]*)(?:, |$)/y;

/** The subject alternative names of a certificate, or undefined: they cannot be told apart. */
export function subjectAlternativeNames({ subjectAltName = "" }: X509Certificate): CertificateNames | undefined {
  const names = { uris: [] as string[], dnsNames: [] as string[], emails: [] as string[] };
  for (let at = 0; at < subjectAltName.length; ) {
    NAME.lastIndex = at;
    const [name, kind = "", value = ""] = NAME.exec(subjectAltName) ?? [];
    if (name === undefined) return undefined;
    at += name.length;
    // Honest names hold nothing that would have to be quoted.
    if (value.startsWith('"')) return undefined;
    if (kind === "URI") names.uris.push(value);
    else if (kind === "DNS") names.dnsNames.push(value);
    else if (kind === "email") names.emails.push(value);
  }
  return names;
}
