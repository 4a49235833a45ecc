import type { SamlSpec } from "./identity-provider-spec.ts";

const NAMES = 'xmlns="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"';
const PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol";
const POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST";
/** What we decrypt; authenticated ciphers first. */
const CIPHERS = [
  "http://www.w3.org/2009/xmlenc11#aes256-gcm",
  "http://www.w3.org/2009/xmlenc11#aes128-gcm",
  "http://www.w3.org/2001/04/xmlenc#aes256-cbc",
  "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p",
];

/**
 * What a provider needs to know of us (SAML 2.0 metadata, 2.4.4).
 *
 * @param certificate of the key that assertions may be encrypted for, in PEM; undefined: they may not
 */
export function samlMetadata({ audience, redirectUris }: SamlSpec, certificate: string | undefined): string {
  const services = redirectUris.map(
    (uri, index) =>
      `<AssertionConsumerService Binding="${POST}" Location="${escaped(uri)}" index="${index}"${index === 0 ? ' isDefault="true"' : ""}/>`,
  );
  return [
    `<EntityDescriptor ${NAMES} entityID="${escaped(audience)}">`,
    `<SPSSODescriptor AuthnRequestsSigned="false" WantAssertionsSigned="true" protocolSupportEnumeration="${PROTOCOL}">`,
    ...(certificate === undefined ? [] : [keyDescriptor(certificate)]),
    ...services,
    "</SPSSODescriptor>",
    "</EntityDescriptor>",
    "",
  ].join("\n");
}

function keyDescriptor(certificate: string): string {
  const [, base64 = ""] =
    /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(certificate) ?? [];
  const data = `<ds:X509Data><ds:X509Certificate>${base64.replace(/\s/g, "")}</ds:X509Certificate></ds:X509Data>`;
  const methods = CIPHERS.map((cipher) => `<EncryptionMethod Algorithm="${cipher}"/>`).join("");
  return `<KeyDescriptor use="encryption"><ds:KeyInfo>${data}</ds:KeyInfo>${methods}</KeyDescriptor>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
