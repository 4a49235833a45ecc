import { AppError } from "@agentmesh/errors";
import { isWellFormed } from "./is-well-formed.ts";

const MAX_CHARS = 256 * 1024;
const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;
const DECLARATION = /^\s*<\?xml [^<>?]*\?>/;
// Within OAEP, SHA-1 signs nothing, and is what most providers use.
const OAEP_DIGEST =
  /(<(?:[\w-]+:)?EncryptionMethod\s[^<>]*#rsa-oaep-mgf1p["'][^<>]*>)\s*<(?:[\w-]+:)?DigestMethod\s[^<>]*>/g;
const WEAK_CIPHER = /xmlenc#(?:rsa-1_5|tripledes-cbc)/;
const WEAK = /xmldsig#(?:[a-z]+-)?sha1\b|xmldsig-more#(?:md5|rsa-md5|hmac-)/;

/**
 * The document of a SAMLResponse, before anything parses it. Comments cut texts in two for some parsers and not for
 * others, CDATA and processing instructions likewise, and a DOCTYPE defines entities: an honest answer has none of them.
 *
 * @throws AppError UNAUTHENTICATED (PROVIDER_REFUSED)
 */
export function readSamlXml(response: string): string {
  if (response.length > MAX_CHARS || !BASE64.test(response)) throw refused("it is no base64 of a sensible size");
  const bytes = Buffer.from(response, "base64");
  const xml = bytes.toString("utf8");
  if (!Buffer.from(xml).equals(bytes) || xml.includes("\0")) throw refused("it is no UTF-8");
  const body = xml.replace(DECLARATION, "");
  if (body.includes("<!")) throw refused("it holds a comment, CDATA or a DOCTYPE");
  if (body.includes("<?")) throw refused("it holds a processing instruction");
  if (!isWellFormed(body)) throw refused("it is no well-formed XML");
  if (WEAK.test(body.replace(OAEP_DIGEST, "$1"))) throw refused("it is signed with SHA-1 or weaker");
  if (WEAK_CIPHER.test(body)) throw refused("it is encrypted with RSA 1.5 or Triple DES");
  return xml;
}

function refused(why: string): AppError {
  return new AppError("UNAUTHENTICATED", `the provider's answer is refused: ${why}; start again, or ask an admin`, {
    reason: "PROVIDER_REFUSED",
    field: "saml_response",
  });
}
