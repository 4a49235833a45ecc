// What a SAML provider answers, honest or not.
import { execFile } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { inflateRawSync } from "node:zlib";
import { SignedXml } from "xml-crypto";
import { type EncryptOptions, encrypt } from "xml-encryption";

export const entityId = "https://idp.example.com/metadata";
export const audience = "https://mesh.example.com";
export const acsUrl = "https://mesh.example.com/saml/acs";

export type Signer = { readonly key: string; readonly certificate: string };

export type Answer = {
  readonly requestId: string;
  readonly nameId?: string;
  readonly nameIdFormat?: string;
  readonly audience?: string;
  readonly issuer?: string;
  readonly recipient?: string;
  readonly inResponseTo?: string;
  /** Seconds from now. */
  readonly issuedS?: number;
  readonly notBeforeS?: number;
  readonly endsS?: number;
  readonly conditions?: string;
  readonly confirmation?: string;
  readonly groups?: readonly string[];
};

export async function newSigner(dir: string, name: string): Promise<Signer> {
  const [key, certificate] = [join(dir, `${name}.key`), join(dir, `${name}.pem`)];
  const kind = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", `/CN=${name}`];
  await promisify(execFile)("openssl", ["req", "-x509", ...kind, "-keyout", key, "-out", certificate]);
  return { key: await readFile(key, "utf8"), certificate: await readFile(certificate, "utf8") };
}

/** The id of the request that a browser is sent with. */
export function requestIdOf(authorizationUrl: string): string {
  const request = new URL(authorizationUrl).searchParams.get("SAMLRequest") ?? "";
  const [, id = ""] = / ID="([^"]+)"/.exec(inflateRawSync(Buffer.from(request, "base64")).toString()) ?? [];
  return id;
}

/** Unsigned. */
export function assertionOf(answer: Answer, id = "_assertion"): string {
  const {
    nameId = "ada",
    nameIdFormat = "persistent",
    issuedS = 0,
    notBeforeS = -5,
    endsS = 60,
    groups = ["ops"],
  } = answer;
  const at = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
  const inResponseTo = answer.inResponseTo ?? answer.requestId;
  const data = `NotOnOrAfter="${at(endsS)}" Recipient="${answer.recipient ?? acsUrl}" InResponseTo="${inResponseTo}"`;
  const restriction = `<saml:AudienceRestriction><saml:Audience>${answer.audience ?? audience}</saml:Audience></saml:AudienceRestriction>`;
  const conditions = `<saml:Conditions NotBefore="${at(notBeforeS)}" NotOnOrAfter="${at(endsS)}">${restriction}</saml:Conditions>`;
  const confirmation = `<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData ${data}/></saml:SubjectConfirmation>`;
  const values = groups.map((group) => `<saml:AttributeValue>${group}</saml:AttributeValue>`).join("");
  return `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="${id}" Version="2.0" IssueInstant="${at(issuedS)}"><saml:Issuer>${answer.issuer ?? entityId}</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:${nameIdFormat}">${nameId}</saml:NameID>${answer.confirmation ?? confirmation}</saml:Subject>${answer.conditions ?? conditions}<saml:AuthnStatement AuthnInstant="${at(issuedS)}"/><saml:AttributeStatement><saml:Attribute Name="groups">${values}</saml:Attribute></saml:AttributeStatement></saml:Assertion>`;
}

export function responseOf(requestId: string, content: string): string {
  return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_response" Version="2.0" IssueInstant="${new Date().toISOString()}" InResponseTo="${requestId}"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>${content}</samlp:Response>`;
}

/** Signs an assertion, or with `element` "Response" the whole. */
export function signed(xml: string, { key, certificate }: Signer, element = "Assertion", hash = "sha256"): string {
  const rsa =
    hash === "sha256"
      ? "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
      : "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
  const digest =
    hash === "sha256" ? "http://www.w3.org/2001/04/xmlenc#sha256" : "http://www.w3.org/2000/09/xmldsig#sha1";
  const exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
  const signer = new SignedXml({
    privateKey: key,
    publicCert: certificate,
    signatureAlgorithm: rsa,
    canonicalizationAlgorithm: exclusive,
  });
  signer.addReference({
    xpath: `/*[local-name(.)='${element}']`,
    digestAlgorithm: digest,
    transforms: ["http://www.w3.org/2000/09/xmldsig#enveloped-signature", exclusive],
  });
  const before = element === "Assertion" ? "Issuer" : "Status";
  signer.computeSignature(xml, {
    location: { reference: `/*/*[local-name(.)='${before}']`, action: element === "Assertion" ? "after" : "before" },
  });
  return signer.getSignedXml();
}

const gcm = "http://www.w3.org/2009/xmlenc11#aes256-gcm";
const oaep = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";

export type Ciphers = {
  readonly content?: EncryptOptions["encryptionAlgorithm"];
  readonly key?: EncryptOptions["keyEncryptionAlgorithm"];
};

/** As a provider encrypts an assertion for the holder of a certificate. */
export async function encryptedFor(
  { certificate }: Pick<Signer, "certificate">,
  assertion: string,
  ciphers: Ciphers = {},
): Promise<string> {
  const { content = gcm, key = oaep } = ciphers;
  const options = {
    rsa_pub: new X509Certificate(certificate).publicKey.export({ type: "spki", format: "pem" }).toString(),
    pem: certificate,
    encryptionAlgorithm: content,
    keyEncryptionAlgorithm: key,
    warnInsecureAlgorithm: false,
  };
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  encrypt(assertion, options, (error, result) => (error ? reject(error) : resolve(String(result))));
  return `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">${await promise}</saml:EncryptedAssertion>`;
}

export function toBase64(xml: string): string {
  return Buffer.from(xml).toString("base64");
}
