import type { TLSSocket } from "node:tls";
import type { GatewayConfig } from "../config.ts";
import type { Credential } from "../pipeline/exchange.ts";
import type { Arrived } from "./arrived.ts";
import { type CertificateNames, subjectAlternativeNames } from "./certificate-names.ts";
import { readHops } from "./ingress.ts";

/** What a certificate says that was verified, as a credential carries it. */
export type Certificate = CertificateNames & {
  /** The tenant that the caller names. */
  readonly tenant: string;
  /** Of the certificate, in hex. */
  readonly sha256: string;
  /** When it ends; undefined: not known here. */
  readonly notAfterMs: number | undefined;
};

/** Names the tenant in which a client certificate is looked up. */
export const TENANT_HEADER = "x-agentmesh-tenant";

/** The client certificate of a request: of its own connection, or as the mesh's ingress forwards it. */
export function clientCertificate(settings: Pick<GatewayConfig, "ingress">, arrived: Arrived): Credential | undefined {
  const [tenant, ...more] = arrived.all(TENANT_HEADER);
  const named = more.length > 0 ? undefined : tenant;
  return arrived.tls ? shownToUs(arrived.tls, named) : shownToIngress(settings, arrived, named);
}

function shownToUs(socket: TLSSocket, tenant: string | undefined): Credential | undefined {
  const x509 = socket.getPeerX509Certificate();
  if (!x509) return undefined;
  if (!socket.authorized) return unusable(`it was not verified (${socket.authorizationError ?? "unknown"})`);
  const notAfterMs = Date.parse(x509.validTo);
  // A connection may outlive the certificate it was opened with.
  if (!(notAfterMs > Date.now())) return unusable("it has expired");
  const names = subjectAlternativeNames(x509);
  if (!names) return unusable("its subject alternative names cannot be told apart");
  const sha256 = x509.fingerprint256.replaceAll(":", "").toLowerCase();
  return credentialOf({ ...names, sha256, notAfterMs }, tenant);
}

/** The one element before the ingress's own is what it was shown: it replaces whatever its callers send. */
function shownToIngress(
  settings: Pick<GatewayConfig, "ingress">,
  arrived: Arrived,
  tenant: string | undefined,
): Credential | undefined {
  const hops = readHops(settings, arrived);
  if (hops.kind === "none") return undefined;
  if (hops.kind === "refused") return unusable(hops.why);
  const [shown, ...others] = hops.before;
  if (!shown) return undefined;
  if (!hops.fromIngress) return unusable("it was not forwarded by the ingress");
  if (others.length > 0) return unusable("it came over more than one proxy");
  const { hash, uris, dnsNames } = shown;
  return credentialOf({ sha256: hash, uris, dnsNames, emails: [], notAfterMs: undefined }, tenant);
}

function credentialOf(certificate: Omit<Certificate, "tenant">, tenant: string | undefined): Credential {
  if (!tenant) return unusable(`name the tenant it is registered in with one header ${TENANT_HEADER}`);
  return { kind: "certificate", value: JSON.stringify({ tenant, ...certificate } satisfies Certificate) };
}

/** Said where it is judged, and not where it is read: a refusal is audited like any other. */
function unusable(why: string): Credential {
  return { kind: "unusable-certificate", value: why };
}
