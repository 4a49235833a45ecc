import { isAlnum, isDigit, isLetter } from "../chars.ts";
import type { Span } from "../finding.ts";

/** RFC 5321, 4.5.3.1. */
const maxLocal = 64;
const maxDomain = 253;
const maxLabel = 63;

/** `icon@2x.png` is a file. None of these is a top-level domain. */
const fileEndings = new Set(
  "png jpg jpeg gif svg webp ico css scss js jsx mjs ts tsx json html htm xml yaml yml txt pdf log jar lock".split(" "),
);

/** Mail addresses as people write them: dot-atom, a domain of two or more labels, an alphabetic top level. */
export function findEmails(text: string): readonly Span[] {
  const spans: Span[] = [];
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    const start = localStart(text, at);
    if (start === at) continue;
    const end = domainEnd(text, at + 1);
    if (end === -1 || isGitRemote(text, start, at, end)) continue;
    spans.push({ start, end });
  }
  return spans;
}

/** Where the local part that ends at `at` starts; `at` itself when there is none. */
function localStart(text: string, at: number): number {
  let start = at;
  while (at - start <= maxLocal && isLocal(text, start - 1)) start--;
  if (at - start > maxLocal) return at;
  while (start < at && !isAlnumOrLatin(text.charCodeAt(start)) && text[start] !== "_") start++;
  return text[at - 1] === "." || text.slice(start, at).includes("..") ? at : start;
}

function isLocal(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  if (isAlnumOrLatin(code) || code === 46 || code === 95 || code === 45 || code === 43 || code === 37) return true;
  return code === 39 && isLetter(text.charCodeAt(at - 1)) && isLetter(text.charCodeAt(at + 1));
}

/** Where the domain that starts here ends, or -1 where there is none. */
function domainEnd(text: string, from: number): number {
  let end = from;
  while (end - from <= maxDomain && isDomain(text.charCodeAt(end))) end++;
  if (end - from > maxDomain) return -1;
  while (end > from && !isAlnumOrLatin(text.charCodeAt(end - 1))) end--;
  const labels = text.slice(from, end).split(".");
  const top = labels.at(-1) ?? "";
  if (labels.length < 2 || !isTopLevel(top) || fileEndings.has(top.toLowerCase())) return -1;
  const wellFormed = labels.every((label) => {
    return label !== "" && label.length <= maxLabel && !label.startsWith("-") && !label.endsWith("-");
  });
  return wellFormed ? end : -1;
}

function isTopLevel(label: string): boolean {
  if (label.length < 2) return false;
  if (label.toLowerCase().startsWith("xn--")) return true;
  for (let at = 0; at < label.length; at++) {
    const code = label.charCodeAt(at);
    if (isDigit(code) || !isAlnumOrLatin(code)) return false;
  }
  return true;
}

function isGitRemote(text: string, start: number, at: number, end: number): boolean {
  return text[end] === ":" && text.slice(start, at) === "git";
}

function isDomain(code: number): boolean {
  return isAlnumOrLatin(code) || code === 45 || code === 46;
}

/** ASCII, and the accented Latin letters of international names (× and ÷ lie between them). */
function isAlnumOrLatin(code: number): boolean {
  return isAlnum(code) || (code >= 0xc0 && code <= 0x24f && code !== 0xd7 && code !== 0xf7);
}
