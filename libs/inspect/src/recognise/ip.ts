import { isDigit, isHex, isWord, nextDigit } from "../chars.ts";
import type { Span } from "../finding.ts";

const maxAddress = 45;
const versionWord = /\b(?:v|ver|version|release|build)\.? ?$/i;
const versionReach = 10;

/** IPv4 in dotted quads and IPv6 in all forms of RFC 4291. Version numbers, times and MAC addresses are neither. */
export function findIps(text: string): readonly Span[] {
  const sixes = findIpv6(text);
  const fours = findIpv4(text).filter((four) => !sixes.some((six) => six.start <= four.start && four.end <= six.end));
  return sixes.length === 0 ? fours : [...fours, ...sixes].sort((left, right) => left.start - right.start);
}

function findIpv4(text: string): Span[] {
  const spans: Span[] = [];
  if (!text.includes(".")) return spans;
  let at = nextDigit(text, 0);
  while (at !== -1) {
    let end = at;
    while (isDigit(text.charCodeAt(end)) || (text[end] === "." && isDigit(text.charCodeAt(end + 1)))) end++;
    if (end - at >= 7 && end - at <= 15 && isFree(text, at, end) && isDottedQuad(text.slice(at, end))) {
      if (!versionWord.test(text.slice(Math.max(0, at - versionReach), at))) spans.push({ start: at, end });
    }
    at = nextDigit(text, end);
  }
  return spans;
}

function isFree(text: string, start: number, end: number): boolean {
  const before = text.charCodeAt(start - 1);
  return !isWord(before) && before !== 46 && before !== 45 && !isWord(text.charCodeAt(end));
}

function isDottedQuad(candidate: string): boolean {
  const octets = candidate.split(".");
  return octets.length === 4 && octets.every((octet) => octet === String(Number(octet)) && Number(octet) <= 255);
}

function findIpv6(text: string): Span[] {
  const spans: Span[] = [];
  let colon = text.indexOf(":");
  let from = 0;
  while (colon !== -1) {
    let start = colon;
    while (start > from && colon - start < 5 && isHex(text.charCodeAt(start - 1))) start--;
    let end = colon;
    while (isAddress(text.charCodeAt(end))) end++;
    from = end;
    while (end > start && (text[end - 1] === "." || (text[end - 1] === ":" && text[end - 2] !== ":"))) end--;
    if (end - start <= maxAddress && isIpv6Here(text, start, end)) spans.push({ start, end });
    colon = text.indexOf(":", from);
  }
  return spans;
}

function isIpv6Here(text: string, start: number, end: number): boolean {
  return !isWord(text.charCodeAt(start - 1)) && !isWord(text.charCodeAt(end)) && isIpv6(text.slice(start, end));
}

/** A digit is asked for, or `add::face` in somebody's program would be an address. */
function isIpv6(candidate: string): boolean {
  if (nextDigit(candidate, 0) === -1) return false;
  const halves = candidate.split("::");
  if (halves.length > 2) return false;
  const left = groupsIn(halves[0] ?? "", halves.length === 1);
  const right = halves.length === 2 ? groupsIn(halves[1] ?? "", true) : 0;
  if (left === -1 || right === -1) return false;
  return halves.length === 1 ? left === 8 : left + right <= 7;
}

/** 16-bit groups in a part of an address, -1 where it is malformed; a dotted quad at the end counts as two. */
function groupsIn(part: string, mayEndInQuad: boolean): number {
  if (part === "") return 0;
  const groups = part.split(":");
  let count = 0;
  for (const [index, group] of groups.entries()) {
    if (mayEndInQuad && index === groups.length - 1 && isDottedQuad(group)) count += 2;
    else if (group.length >= 1 && group.length <= 4 && !group.includes(".")) count += 1;
    else return -1;
  }
  return count;
}

function isAddress(code: number): boolean {
  return isHex(code) || code === 58 || code === 46;
}
