// RFC 9562: a version, and its variant; some letter, for what is digits alone may be a card between others.
const uuid = /(?<![\w-])(?=[\d-]*[a-f])[\da-f]{8}-[\da-f]{4}-[1-8][\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}(?![\w-])/iy;
const uuidChars = 36;

/**
 * Whether a stretch of a text lies within a UUID. One of some thousand random ids holds what reads as a card or an account;
 * taken out, what the id names would be lost.
 */
export function isInUuid(text: string, start: number, end: number): boolean {
  for (let at = Math.max(0, end - uuidChars); at <= start; at++) {
    uuid.lastIndex = at;
    if (uuid.test(text)) return true;
  }
  return false;
}
