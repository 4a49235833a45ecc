import { endOf, isAlnum } from "../chars.ts";

const maxLabel = 48;
const maxBody = 65_536;
const end = "-----END ";
const dashes = "-----";

/**
 * Says where the private key whose `-----BEGIN ` stands at a position ends: after its END line, or, where that was
 * cut off, after what can be base64. -1: not a private key. Positions must be asked in order: the next END line is
 * looked up once and remembered, so that a text full of BEGIN lines stays linear.
 */
export function pemFinder(text: string): (start: number) => number {
  let knownEnd = 0;
  return (start) => {
    const labelEnd = text.indexOf(dashes, start + dashes.length);
    const label = labelEnd - start > maxLabel ? "" : text.slice(start, labelEnd);
    if (labelEnd === -1 || !(label.endsWith("PRIVATE KEY") || label.endsWith("PRIVATE KEY BLOCK"))) return -1;
    const body = labelEnd + dashes.length;
    if (knownEnd !== -1 && knownEnd < body) knownEnd = text.indexOf(end, body);
    if (knownEnd === -1 || knownEnd - body > maxBody) return endOf(text, body, isBodyChar, maxBody);
    const closed = text.indexOf(dashes, knownEnd + end.length);
    return closed === -1 || closed - knownEnd > maxLabel ? knownEnd : closed + dashes.length;
  };
}

/** base64, its padding, line ends, and the escaped line ends (`\n`) of a key inside JSON. */
function isBodyChar(code: number): boolean {
  return isAlnum(code) || code === 43 || code === 47 || code === 61 || code === 10 || code === 13 || code === 92;
}
