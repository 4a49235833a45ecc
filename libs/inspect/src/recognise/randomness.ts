import { isDigit, isLetter } from "../chars.ts";

/** Bits of Shannon entropy per character; random hex has just under 4, words of this length about 3. */
export function entropyPerChar(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}

/** Letters and digits, and more entropy per character than words have. */
export function looksRandom(value: string, minBitsPerChar: number): boolean {
  let digits = 0;
  let letters = 0;
  for (let at = 0; at < value.length; at++) {
    if (isDigit(value.charCodeAt(at))) digits++;
    else if (isLetter(value.charCodeAt(at))) letters++;
  }
  return digits > 0 && letters > 0 && entropyPerChar(value) >= minBitsPerChar;
}
