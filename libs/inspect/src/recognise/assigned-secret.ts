import { endOf, isBlank, isWord } from "../chars.ts";
import type { Span } from "../finding.ts";
import { looksRandom } from "./randomness.ts";

const minValue = 16;
const maxValue = 512;
/** As far back as a name is read: `X-Internal-Api-Key`. */
const nameReach = 28;
const maxGap = 3;
const minBitsPerChar = 3.1;

/** Ends of names (letters only, lower case) that hold a credential. */
const names = [
  "apikey",
  "apitoken",
  "accesskey",
  "accesstoken",
  "authtoken",
  "authkey",
  "bearertoken",
  "clientsecret",
  "privatekey",
  "secretkey",
  "secret",
  "token",
  "authorization",
  "credential",
  "credentials",
];
const lastLetters = new Set(names.map((name) => name.charCodeAt(name.length - 1)));
const schemes = ["Bearer ", "bearer ", "Basic ", "Token "];

/** The random-looking value after `=` or `:` at `sign`, when what stands before it is a credential's name. */
export function assignedSecret(text: string, sign: number): Span | undefined {
  let nameEnd = sign;
  while (sign - nameEnd < maxGap && isGap(text.charCodeAt(nameEnd - 1))) nameEnd--;
  if (!lastLetters.has(text.charCodeAt(nameEnd - 1) | 32) || !isCredentialName(text, nameEnd)) return undefined;
  let start = endOf(text, sign + 1, isGap, maxGap);
  const scheme = schemes.find((each) => text.startsWith(each, start));
  if (scheme) start += scheme.length;
  const end = endOf(text, start, isValueChar, maxValue + 1);
  if (end - start < minValue || end - start > maxValue) return undefined;
  if (!looksRandom(text.slice(start, end), minBitsPerChar)) return undefined;
  return { start, end: endOf(text, end, isPadding, 2) };
}

function isCredentialName(text: string, nameEnd: number): boolean {
  const letters = text
    .slice(Math.max(0, nameEnd - nameReach), nameEnd)
    .toLowerCase()
    .replace(/[^a-z]/g, "");
  return names.some((name) => letters.endsWith(name));
}

/** Blanks and quotes between a name, its sign and the value. */
function isGap(code: number): boolean {
  return isBlank(code) || code === 34 || code === 39 || code === 96;
}

function isValueChar(code: number): boolean {
  return isWord(code) || code === 45 || code === 46 || code === 43 || code === 47 || code === 126;
}

function isPadding(code: number): boolean {
  return code === 61;
}
