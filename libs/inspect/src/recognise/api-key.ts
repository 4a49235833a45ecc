import { isBase64Url } from "../chars.ts";
import type { Span } from "../finding.ts";
import { assignedSecret } from "./assigned-secret.ts";
import { jwtEnd } from "./jwt.ts";
import { pemFinder } from "./pem.ts";
import { vendorKeyEnd, vendorPrefixes } from "./vendor-keys.ts";

const startsVendorKey = 1;
const startsJwt = 2;
const assigns = 4;
const startsPem = 8;

/** What may begin at an ASCII character; most begin nothing, which is what makes one pass over the text cheap. */
const beginsAt = beginnings();

/**
 * Credentials: keys of known vendors by their prefix, JSON web tokens, PEM private keys, and random-looking values
 * assigned to a name such as `api_key`. The span of an assigned value leaves its name readable.
 */
export function findApiKeys(text: string): readonly Span[] {
  const spans: Span[] = [];
  const pemEnd = pemFinder(text);
  let at = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const begins = code < 128 ? (beginsAt[code] ?? 0) : 0;
    const span = begins === 0 ? undefined : spanAt(text, at, begins, pemEnd);
    if (span) spans.push(span);
    at = span ? span.end : at + 1;
  }
  return spans;
}

function spanAt(text: string, at: number, begins: number, pemEnd: (start: number) => number): Span | undefined {
  if ((begins & assigns) !== 0) return assignedSecret(text, at);
  if ((begins & startsPem) !== 0) return spanTo(at, text.startsWith("-----BEGIN ", at) ? pemEnd(at) : -1);
  if (at > 0 && isBase64Url(text.charCodeAt(at - 1))) return undefined;
  const jwt = (begins & startsJwt) !== 0 && text.startsWith("eyJ", at) ? jwtEnd(text, at) : -1;
  return spanTo(at, jwt !== -1 || (begins & startsVendorKey) === 0 ? jwt : vendorKeyEnd(text, at));
}

function spanTo(start: number, end: number): Span | undefined {
  return end === -1 ? undefined : { start, end };
}

function beginnings(): Uint8Array {
  const table = new Uint8Array(128);
  for (const prefix of vendorPrefixes) table[prefix.charCodeAt(0)] = startsVendorKey;
  const others: [string, number][] = [
    ["e", startsJwt],
    ["=", assigns],
    [":", assigns],
    ["-", startsPem],
  ];
  for (const [letter, bit] of others) table[letter.charCodeAt(0)] = (table[letter.charCodeAt(0)] ?? 0) | bit;
  return table;
}
