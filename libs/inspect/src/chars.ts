// Code unit classes. `charCodeAt` past either end is NaN, for which each of these is false.

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isLetter(code: number): boolean {
  const lower = code | 32;
  return lower >= 97 && lower <= 122;
}

export function isAlnum(code: number): boolean {
  return isDigit(code) || isLetter(code);
}

export function isHex(code: number): boolean {
  const lower = code | 32;
  return isDigit(code) || (lower >= 97 && lower <= 102);
}

/** Letters, digits and `_`: what an identifier is made of. */
export function isWord(code: number): boolean {
  return isAlnum(code) || code === 95;
}

/** Letters, digits, `_` and `-`: the alphabet of base64url and of most vendors' keys. */
export function isBase64Url(code: number): boolean {
  return isWord(code) || code === 45;
}

/** Space, tab, no-break, thin and narrow no-break space. */
export function isBlank(code: number): boolean {
  return code === 32 || code === 9 || code === 0xa0 || code === 0x2009 || code === 0x202f;
}

/** `-` and the Unicode hyphens and dashes that word processors put in its place. */
export function isDash(code: number): boolean {
  return code === 45 || (code >= 0x2010 && code <= 0x2015);
}

/** Position of the first digit at or after `from`, or -1. */
export function nextDigit(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    if (isDigit(text.charCodeAt(at))) return at;
  }
  return -1;
}

/** The first position at or after `from` whose code unit is not in the class, at most `limit` on. */
export function endOf(text: string, from: number, inClass: (code: number) => boolean, limit: number): number {
  const last = Math.min(text.length, from + limit);
  let at = from;
  while (at < last && inClass(text.charCodeAt(at))) at++;
  return at;
}
