/**
 * The model's own tokens. A text is cut, left to right, into
 *   - pieces of at most 5 letters of one word (accents included),
 *   - groups of at most 3 digits,
 *   - one token for each punctuation mark, symbol, emoji or CJK/kana/hangul/thai character (by code point),
 *   - one token for each run of white space that holds a line break.
 * Any other white space belongs to the piece after it, so that the pieces joined give the text back. The counts come
 * near those of common byte-pair tokenizers for English prose; they are exact for this model.
 */

const MAX_LETTERS = 5;
const MAX_DIGITS = 3;

type Kind = "letter" | "digit" | "space" | "break" | "single";

const LETTER = /[\p{L}\p{M}]/u;
const DIGIT = /\p{Nd}/u;

function kindOf(codePoint: number): Kind {
  if (codePoint < 128) {
    if ((codePoint >= 97 && codePoint <= 122) || (codePoint >= 65 && codePoint <= 90)) return "letter";
    if (codePoint >= 48 && codePoint <= 57) return "digit";
    if (codePoint === 10 || codePoint === 13) return "break";
    return codePoint === 32 || codePoint === 9 ? "space" : "single";
  }
  if (codePoint >= 0x2e80 || (codePoint >= 0x0e00 && codePoint < 0x0e80)) return "single";
  const text = String.fromCodePoint(codePoint);
  if (LETTER.test(text)) return "letter";
  return DIGIT.test(text) ? "digit" : "single";
}

/** Where the token that starts at `start` ends. */
function endOfToken(text: string, start: number): number {
  let index = start;
  let kind = kindOf(text.codePointAt(index) ?? 0);
  if (kind === "space" || kind === "break") {
    let broken = false;
    while (index < text.length && (kind === "space" || kind === "break")) {
      broken ||= kind === "break";
      index += 1;
      kind = kindOf(text.codePointAt(index) ?? 0);
    }
    if (broken || index >= text.length) return index;
  }
  const limit = kind === "letter" ? MAX_LETTERS : kind === "digit" ? MAX_DIGITS : 1;
  for (let taken = 0; taken < limit && index < text.length; taken += 1) {
    const codePoint = text.codePointAt(index) ?? 0;
    if (kindOf(codePoint) !== kind) break;
    index += codePoint > 0xffff ? 2 : 1;
  }
  return index;
}

/** The number of tokens of a text by the scheme above; linear in its length. */
export function countTokens(text: string): number {
  let count = 0;
  for (let index = 0; index < text.length; count += 1) index = endOfToken(text, index);
  return count;
}

/** The first `limit` tokens of a text, as one string; the text itself where it has no more. */
export function firstTokens(text: string, limit: number): string {
  let index = 0;
  for (let count = 0; count < limit && index < text.length; count += 1) index = endOfToken(text, index);
  return text.slice(0, index);
}

/** The text in slices of `size` tokens, in order; joined they give the text back. */
export function tokenSlices(text: string, size: number): string[] {
  const slices: string[] = [];
  for (let index = 0; index < text.length; ) {
    const start = index;
    for (let count = 0; count < size && index < text.length; count += 1) index = endOfToken(text, index);
    slices.push(text.slice(start, index));
  }
  return slices;
}
