import { isBlank, isDash, isDigit, isWord, nextDigit } from "../chars.ts";
import type { Span } from "../finding.ts";
import { issuerTakes } from "./card-issuers.ts";

const minDigits = 13;
const maxDigits = 19;
/** "4111 - 1111" has three. */
const maxSeparators = 3;
const maxWholeDigits = 4;
/** 16 first: what follows a card in a text (expiry, security code) must not be read as its end. */
const lengthsByUse = [16, 15, 14, 19, 18, 17, 13] as const;

type Group = Span;

/**
 * Payment card numbers: 13 to 19 digits, whole or in groups, that an issuer could have given out and whose Luhn
 * digit is right. The tail of a decimal fraction is not one.
 */
export function findCards(text: string): readonly Span[] {
  const spans: Span[] = [];
  let at = nextDigit(text, 0);
  while (at !== -1) {
    const groups: Group[] = [];
    at = nextDigit(text, readRun(text, at, groups));
    if (digitsIn(groups, 0, groups.length) >= minDigits) cardsInRun(text, groups, spans);
  }
  return spans;
}

/** Reads digit groups with few separators between them; returns where the run ends. */
function readRun(text: string, from: number, groups: Group[]): number {
  let start = from;
  for (;;) {
    let end = start;
    while (isDigit(text.charCodeAt(end))) end++;
    groups.push({ start, end });
    let next = end;
    while (next - end < maxSeparators && isSeparator(text.charCodeAt(next))) next++;
    if (next === end || !isDigit(text.charCodeAt(next))) return end;
    start = next;
  }
}

function cardsInRun(text: string, groups: readonly Group[], spans: Span[]): void {
  let first = 0;
  while (first < groups.length) {
    const taken = cardAt(text, groups, first, spans.at(-1)?.end);
    const start = groups[first]?.start;
    const end = groups[first + taken - 1]?.end;
    if (taken > 0 && start !== undefined && end !== undefined) spans.push({ start, end });
    first += Math.max(taken, 1);
  }
}

/** How many groups from `first` on are a card; 0: none are. */
function cardAt(text: string, groups: readonly Group[], first: number, lastCardEnd: number | undefined): number {
  const head = groups[first];
  if (!head || !mayStart(text, head, groups.length)) return 0;
  const isPartOfNumber = lastCardEnd !== head.start - 1 && isFraction(text, head.start);
  const takenFor: number[] = [];
  let digits = 0;
  for (let index = first; index < groups.length; index++) {
    const group = groups[index];
    if (!group) break;
    digits += group.end - group.start;
    if (digits > maxDigits) break;
    takenFor[digits] = index - first + 1;
  }
  for (const length of lengthsByUse) {
    const taken = takenFor[length];
    if (taken === undefined || (taken === 1 && isPartOfNumber)) continue;
    if (isCard(text, groups, first, taken, length)) return taken;
  }
  return 0;
}

/** What rules most groups out before anything is counted: no issuer has 0, 1, 7 or 8; see `isCardGrouping`. */
function mayStart(text: string, head: Group, groupsInRun: number): boolean {
  const digit = text.charCodeAt(head.start) - 48;
  if (digit < 2 || digit === 7 || digit === 8) return false;
  return head.end - head.start >= 3 || groupsInRun <= maxDigits;
}

function isCard(text: string, groups: readonly Group[], first: number, taken: number, length: number): boolean {
  const head = groups[first];
  const tail = groups[first + taken - 1];
  if (!head || !tail) return false;
  if (taken > 1 && !isCardGrouping(groups, first, taken)) return false;
  const digits = digitsOf(text, head.start, tail.end);
  return issuerTakes(Number(digits.slice(0, 6)), length) && passesLuhn(digits);
}

/**
 * Cards are printed in groups of one size (the last may be shorter) or, as American Express and UnionPay do, in
 * unequal groups of three and more. One or two digits at a time is how a number is spelled out: such a run is
 * taken only as a whole, or tables of small numbers would be full of cards.
 */
function isCardGrouping(groups: readonly Group[], first: number, taken: number): boolean {
  const sizes = groups.slice(first, first + taken).map((group) => group.end - group.start);
  const size = sizes[0] ?? 0;
  const uniform = sizes.every((each, index) => each === size || (index === taken - 1 && each < size));
  if (size < 3) return uniform && taken === groups.length;
  return uniform || sizes.every((each) => each >= 3);
}

/** `0.4111111111111111`: with 13 and more decimals a double has at most four digits before the point. */
function isFraction(text: string, start: number): boolean {
  if (text.charCodeAt(start - 1) !== 46 || !isDigit(text.charCodeAt(start - 2))) return false;
  let whole = start - 2;
  while (start - whole <= maxWholeDigits && isDigit(text.charCodeAt(whole - 1))) whole--;
  const before = text.charCodeAt(whole - 1);
  return !isWord(before) && !(isDash(before) && isWord(text.charCodeAt(whole - 2)));
}

function digitsIn(groups: readonly Group[], first: number, taken: number): number {
  let digits = 0;
  for (let index = first; index < first + taken && digits < minDigits; index++) {
    const group = groups[index];
    if (group) digits += group.end - group.start;
  }
  return digits;
}

/** The digits of a span, without what separates them. */
export function digitsOf(text: string, start: number, end: number): string {
  let digits = "";
  for (let at = start; at < end; at++) {
    if (isDigit(text.charCodeAt(at))) digits += text[at];
  }
  return digits;
}

/** ISO/IEC 7812-1, annex B. */
export function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = digits.length - 1, double = false; index >= 0; index--, double = !double) {
    const digit = digits.charCodeAt(index) - 48;
    const weighted = double ? digit * 2 : digit;
    sum += weighted > 9 ? weighted - 9 : weighted;
  }
  return sum % 10 === 0;
}

function isSeparator(code: number): boolean {
  return isBlank(code) || isDash(code) || code === 46;
}
