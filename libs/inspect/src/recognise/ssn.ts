import { isDigit, isWord, nextDigit } from "../chars.ts";
import { nearWords } from "../context-words.ts";
import type { Span } from "../finding.ts";

const contextWords =
  /\b(?:ssns?|social[ -]?security|social sec|soc\.? sec|ss ?no|tax[ -]?payer|tin|w-?2|w-?9)(?!\w)|\bss ?#/gi;

/** Printed in advertisements and withdrawn by the Social Security Administration. */
const withdrawn = new Set(["078051120", "219099999"]);

/**
 * US social security numbers that could have been assigned. `ddd-dd-dddd` speaks for itself; nine digits in a row
 * or with blanks or dots count only near words such as "SSN" or "social security".
 */
export function findSsns(text: string): readonly Span[] {
  const spans: Span[] = [];
  const near = nearWords(text, contextWords);
  let at = nextDigit(text, 0);
  while (at !== -1) {
    const end = ssnEnd(text, at);
    const span = { start: at, end };
    if (end > at && (text.charCodeAt(at + 3) === 45 || near(span))) spans.push(span);
    at = nextDigit(text, Math.max(end, endOfDigits(text, at)));
  }
  return spans;
}

/** Where a well-formed number that starts here ends, or -1. */
function ssnEnd(text: string, start: number): number {
  if (!startsFree(text, start)) return -1;
  const separator = text.charCodeAt(start + 3);
  const width = isDigit(separator) ? 0 : 1;
  if (width === 1 && separator !== 45 && separator !== 32 && separator !== 46) return -1;
  const group = start + 3 + width;
  const serial = group + 2 + width;
  const end = serial + 4;
  if (width === 1 && text.charCodeAt(group + 2) !== separator) return -1;
  if (!digitsAt(text, start, 3) || !digitsAt(text, group, 2) || !digitsAt(text, serial, 4)) return -1;
  if (!endsFree(text, end)) return -1;
  return isAssignable(text.slice(start, start + 3), text.slice(group, group + 2), text.slice(serial, end)) ? end : -1;
}

/** 20 CFR 422 and SSA's randomisation of 2011: these parts are never given out. */
function isAssignable(area: string, group: string, serial: string): boolean {
  if (area === "000" || area === "666" || area >= "900") return false;
  return group !== "00" && serial !== "0000" && !withdrawn.has(area + group + serial);
}

function digitsAt(text: string, from: number, count: number): boolean {
  for (let at = from; at < from + count; at++) {
    if (!isDigit(text.charCodeAt(at))) return false;
  }
  return true;
}

function startsFree(text: string, start: number): boolean {
  const before = text.charCodeAt(start - 1);
  return !isWord(before) && !(isJoint(before) && isWord(text.charCodeAt(start - 2)));
}

function endsFree(text: string, end: number): boolean {
  const after = text.charCodeAt(end);
  return !isWord(after) && !(isJoint(after) && isDigit(text.charCodeAt(end + 1)));
}

/** `-`, `.`, `/` and `+` make a number part of a longer code. */
function isJoint(code: number): boolean {
  return code === 45 || code === 46 || code === 47 || code === 43;
}

function endOfDigits(text: string, from: number): number {
  let at = from;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}
