import { isBlank, isDash, isDigit, isWord } from "../chars.ts";
import { nearWords } from "../context-words.ts";
import type { Span } from "../finding.ts";

const minDigits = 7;
/** E.164. */
const maxDigits = 15;
/** "(415) - 555" has three. */
const maxSeparators = 3;

const contextWords =
  /(?<![\p{L}\p{N}_])(?:phones?|telephone|tel|mobile|cell|cellphone|call|called|calling|ring|dial|fax|whatsapp|sms|text me|reach me|hotline|telefon|telefonnummer|handy|anrufen|rufnummer|téléphone|appel|appelez|portable|teléfono|móvil|llame|llámame|telefone|celular|telefono|cellulare|chiamare|telefoon|bellen)(?![\p{L}\p{N}_])|電話|电话|手机/giu;

/** North America: area and exchange start with 2 to 9. Every repeat is of fixed length. */
const northAmerican = /(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[-.])[2-9]\d\d[-. ]\d{4}(?![\p{L}\p{N}_])/uy;
const date = /(?:\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./]\d{4})(?!\d)/y;

/**
 * Phone numbers. International ones (`+` and 8 to 15 digits) and North American ones with their usual marks speak
 * for themselves; any other 7 to 15 digits count only near words such as "phone", "call" or "mobile".
 */
export function findPhones(text: string): readonly Span[] {
  const spans: Span[] = [];
  const near = nearWords(text, contextWords);
  let at = 0;
  /** Until here a row of more digits than any number has goes on: in it only North American marks still tell. */
  let crowdedUntil = 0;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (!isDigit(code) && !(isOpening(code) && isDigit(text.charCodeAt(at + 1)))) {
      at++;
      continue;
    }
    let end = startsFree(text, at) ? northAmericanEnd(text, at) : -1;
    if (end === -1 && at >= crowdedUntil && startsFree(text, at)) {
      const number = readNumber(text, at);
      if (number.digits > maxDigits) crowdedUntil = number.end;
      else if (isPhone(text, at, number, near)) end = number.end;
    }
    if (end !== -1) spans.push({ start: at, end });
    at = Math.max(end, endOfDigits(text, at + 1));
  }
  return spans;
}

/** The expression is asked only where the first group has a fitting size: most digits do not need it. */
function northAmericanEnd(text: string, start: number): number {
  const size = endOfDigits(text, start) - start;
  if (size !== 0 && size !== 3 && !(size === 1 && text[start] === "1")) return -1;
  northAmerican.lastIndex = start;
  return northAmerican.test(text) ? northAmerican.lastIndex : -1;
}

type PhoneNumber = { readonly end: number; readonly digits: number };

function isPhone(text: string, start: number, { end, digits }: PhoneNumber, near: (span: Span) => boolean): boolean {
  if (digits < minDigits || isWord(text.charCodeAt(end)) || isDate(text, start)) return false;
  const international = text[start] === "+" && text[start + 1] !== "0" && digits > minDigits;
  return international || near({ start, end });
}

function isDate(text: string, start: number): boolean {
  date.lastIndex = start;
  return date.test(text);
}

/** All digits from here on with few separators between them, be it too many for a phone number. */
function readNumber(text: string, start: number): PhoneNumber {
  let end = start;
  let digits = 0;
  for (let at = text[start] === "+" ? start + 1 : start; at - end <= maxSeparators; at++) {
    const code = text.charCodeAt(at);
    if (isDigit(code)) {
      digits++;
      end = at + 1;
    } else if (!isSeparator(code)) break;
  }
  return { end, digits };
}

function startsFree(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  if (isWord(before) || before === 36 || before === 0x20ac || before === 0xa3 || before === 35) return false;
  return !(isJoint(before) && isWord(text.charCodeAt(start - 2)));
}

function isJoint(code: number): boolean {
  return isDash(code) || code === 46 || code === 47 || code === 44 || code === 43;
}

function isOpening(code: number): boolean {
  return code === 40 || code === 43;
}

function isSeparator(code: number): boolean {
  return isBlank(code) || isDash(code) || code === 46 || code === 40 || code === 41 || code === 47;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}
