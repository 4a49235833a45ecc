import { isAlnum, isBlank, isDash, isDigit, isLetter, nextDigit } from "../chars.ts";
import type { Span } from "../finding.ts";

/** SWIFT IBAN registry, release 99: the length by country. */
const lengths = new Map(
  (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 " +
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 " +
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 " +
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
  )
    .split(" ")
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);

/** Bank account numbers: a country of the registry, its length, ISO 7064 check digits; compact or in groups. */
export function findIbans(text: string): readonly Span[] {
  const spans: Span[] = [];
  let digit = nextDigit(text, 0);
  while (digit !== -1) {
    const start = digit - 2;
    const end = ibanEnd(text, start);
    if (end !== -1) spans.push({ start, end });
    let next = Math.max(end, digit);
    while (isDigit(text.charCodeAt(next))) next++;
    digit = nextDigit(text, next);
  }
  return spans;
}

/** Where the account number that starts here ends, or -1. */
function ibanEnd(text: string, start: number): number {
  if (start < 0 || isAlnum(text.charCodeAt(start - 1))) return -1;
  if (!isLetter(text.charCodeAt(start)) || !isLetter(text.charCodeAt(start + 1))) return -1;
  if (!isDigit(text.charCodeAt(start + 3))) return -1;
  const length = lengths.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return -1;
  let compact = "";
  let at = start;
  while (compact.length < length) {
    const code = text.charCodeAt(at);
    if (isAlnum(code)) compact += text[at];
    else if (!isSeparator(code) || isSeparator(text.charCodeAt(at - 1))) return -1;
    at++;
  }
  return !isAlnum(text.charCodeAt(at)) && mod97(compact) === 1 ? at : -1;
}

/** ISO 7064 MOD 97-10 over the rearranged number, letters as 10 to 35. */
export function mod97(compact: string): number {
  const rearranged = compact.slice(4) + compact.slice(0, 4);
  let remainder = 0;
  for (let at = 0; at < rearranged.length; at++) {
    const code = rearranged.charCodeAt(at);
    if (isDigit(code)) remainder = (remainder * 10 + code - 48) % 97;
    else remainder = (remainder * 100 + (code | 32) - 87) % 97;
  }
  return remainder;
}

function isSeparator(code: number): boolean {
  return isBlank(code) || isDash(code);
}
