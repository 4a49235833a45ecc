import { canonicalJson } from "@agentmesh/ids";

/**
 * The messages of a key in one form: order of members, Unicode composition and white space that changes no meaning are
 * gone. Applying it again changes nothing. What is not JSON, or says more than JSON.parse keeps, stays as it is.
 */
export function canonicalInput(input: string): string {
  const messages = parseLossless(input);
  return messages === undefined ? input : canonicalJson(normalise(messages.value));
}

/** The question of a single-turn input, normalised; undefined: it has more messages, or is no text in words. */
export function questionOf(input: string): string | undefined {
  const messages = parseLossless(input)?.value;
  if (!Array.isArray(messages) || messages.length !== 1) return undefined;
  const message: unknown = messages[0];
  if (message === null || typeof message !== "object" || Object.keys(message).length !== 1) return undefined;
  const text: unknown = "user" in message ? message.user : undefined;
  return typeof text === "string" && isProse(text) && !isStructure(text) ? normaliseText(text) : undefined;
}

function normalise(value: unknown): unknown {
  if (typeof value === "string") return normaliseText(value);
  if (Array.isArray(value)) return value.map(normalise);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key.normalize("NFC"), normalise(member)]));
}

/** Words with single spaces between: there is nothing in it to normalise. */
const PLAIN = /^[!-~]+(?: [!-~]+)*$/;

function normaliseText(text: string): string {
  if (isStructure(text)) {
    // A caller that passes data on as text: the same data in another order is the same question.
    const data = parseLossless(text);
    if (data !== undefined) return canonicalJson(normaliseUnicode(data.value));
  }
  if (PLAIN.test(text)) return text;
  const lines = text
    .normalize("NFC")
    .replace(/\r\n?/g, "\n")
    .replace(/[ \t]+$/gm, "")
    .replace(/^\n+|\s+$/g, "");
  return isProse(lines) ? lines.replace(/[ \t\u00a0]+/g, " ").trim() : lines;
}

/** Strings inside of data keep their white space: it may be all they are about. */
function normaliseUnicode(value: unknown): unknown {
  if (typeof value === "string") return value.normalize("NFC");
  if (Array.isArray(value)) return value.map(normaliseUnicode);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key.normalize("NFC"), normaliseUnicode(member)]),
  );
}

// Code, quotations and what is laid out in columns: spaces count there.
const LAID_OUT = /[`"“”]|^[ \t]+\S|\S\t|\n[ \t]|[{};]\s*$/m;

function isProse(text: string): boolean {
  return !LAID_OUT.test(text.trim());
}

function isStructure(text: string): boolean {
  return /^\s*[[{]/.test(text);
}

/** Undefined: no JSON, or JSON that says more than its value: repeated members, numbers beyond a double's precision. */
function parseLossless(text: string): { value: unknown } | undefined {
  const bare = text.replace(/"(?:[^"\\]|\\.)*"/g, "");
  try {
    const value = parseExact(text, /\d/.test(bare));
    return value && countMembers(value.value) === bare.split(":").length - 1 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Looking at each number as it is written takes three times as long, and messages have none. */
function parseExact(text: string, hasNumbers: boolean): { value: unknown } | undefined {
  if (!hasNumbers) return { value: JSON.parse(text) };
  let isExact = true;
  const value: unknown = JSON.parse(text, (_key, member: unknown, context?: { source?: string }) => {
    if (typeof member === "number" && !isWritten(member, context?.source ?? "")) isExact = false;
    return member;
  });
  return isExact ? { value } : undefined;
}

/** `1.50` and `1.5` are one number; `12345678901234567891` is not the double that it is read as. */
function isWritten(value: number, source: string): boolean {
  const digits = significantDigits(source);
  if (!Number.isFinite(value) || (value === 0 && digits !== "")) return false;
  return digits.length <= EXACT_DIGITS || digits === significantDigits(String(value));
}

/** Decimal digits that a double keeps whatever they are. */
const EXACT_DIGITS = 15;

function significantDigits(number: string): string {
  const digits = number.replace(/[eE].*$/, "").replace(/[-.]/g, "");
  return digits.replace(/^0+|0+$/g, "");
}

function countMembers(value: unknown): number {
  if (value === null || typeof value !== "object") return 0;
  const members = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((sum, member) => sum + countMembers(member), own);
}
