import type { Field } from "./reading.ts";
import { nameWords, stem, wordsOf } from "./words.ts";

/** Finding one value in a text by the words beside it. All scans are linear: tokens first, then short patterns. */

const MAX_TOKENS = 4000;
const WINDOW = 4;
const MAX_ID_CHARS = 64;

const GENERIC_NAME_WORDS = new Set([
  "id",
  "ids",
  "number",
  "no",
  "code",
  "ref",
  "reference",
  "key",
  "value",
  "uuid",
  "num",
  "identifier",
]);

function squash(name: string): string {
  return nameWords(name).join("");
}

/** The user's field that a property names: the same key, or the same path (`customer.id` for `customer_id`). */
export function findField(fields: readonly Field[], name: string): Field | undefined {
  const wanted = squash(name);
  return (
    fields.find(({ key, value }) => value !== null && value !== "" && squash(key) === wanted) ??
    fields.find(
      ({ path, value }) =>
        value !== null && value !== "" && path.length > 1 && squash(path.slice(-2).join("_")) === wanted,
    )
  );
}

type Token = { readonly text: string; readonly words: readonly string[] };

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const [match] of text.matchAll(/\S+/g)) {
    if (tokens.length >= MAX_TOKENS) break;
    const token = match
      .slice(0, 300)
      .replace(/^["'(<[{#]+/, "")
      .replace(/[\])}>"'.,;:!?]{1,20}$/, "");
    tokens.push({ text: token, words: wordsOf(token).map(stem) });
  }
  return tokens;
}

/** How near the wanted words stand to a token: a word just before counts most. */
function nearness(tokens: readonly Token[], at: number, wanted: ReadonlySet<string>): number {
  let score = 0;
  for (let step = 1; step <= WINDOW; step += 1) {
    if (tokens[at - step]?.words.some((word) => wanted.has(word))) score += 1 / step;
    if (step <= 2 && tokens[at + step]?.words.some((word) => wanted.has(word))) score += 0.6 / step;
  }
  return score;
}

function best(
  tokens: readonly Token[],
  fits: (token: string) => boolean,
  wanted: ReadonlySet<string>,
  hint: (token: string) => number,
): { token: string; score: number } | undefined {
  let found: { token: string; score: number } | undefined;
  tokens.forEach(({ text }, index) => {
    if (!fits(text)) return;
    const score = nearness(tokens, index, wanted) + hint(text);
    if (found === undefined || score > found.score) found = { token: text, score };
  });
  return found;
}

/** The longest arithmetic in a text, such as `3 * (19.99 + 4.5)`; undefined where no operator stands between numbers. */
export function findArithmetic(text: string): string | undefined {
  let longest: string | undefined;
  for (const run of text.split(/[^\d\s.+\-*/%^()]+/)) {
    const expression = run.trim().replace(/[\s.+\-*/%^(]{1,20}$/, "");
    const isSum = /\d[\s)]{0,5}[+\-*/%^][\s(]{0,5}[\d.(]/.test(expression);
    if (isSum && expression.length > (longest?.length ?? 0)) longest = expression;
  }
  return longest;
}

/** An identifier (a token with a digit, `ORD-881`, `4711`) that stands by the words of a property's name. */
export function findIdentifier(text: string, name: string): string | undefined {
  const telling = nameWords(name).filter((word) => !GENERIC_NAME_WORDS.has(word));
  const wanted = new Set(telling.map(stem));
  function hint(token: string): number {
    const letters = /^[A-Za-z]+(?=[-_]?\d)/.exec(token)?.[0].toLowerCase() ?? "";
    return letters !== "" && telling.some((word) => word.startsWith(letters) || letters.startsWith(word)) ? 0.8 : 0;
  }
  const found = best(
    tokensOf(text),
    (token) => token.length <= MAX_ID_CHARS && /^[\w-]+$/.test(token) && /\d/.test(token),
    wanted,
    hint,
  );
  if (found === undefined) return undefined;
  return found.score > 0 || telling.length === 0 ? found.token : undefined;
}

/**
 * The token that matches a pattern (nearest to the name's words); undefined where none does or the pattern is none. Only
 * tokens of at most 64 characters are tried, which keeps a careless pattern from taking long, not a malicious one.
 */
export function findByPattern(text: string, pattern: string, name: string): string | undefined {
  let expression: RegExp;
  try {
    expression = new RegExp(pattern, "u");
  } catch {
    return undefined;
  }
  const wanted = new Set(nameWords(name).map(stem));
  return best(
    tokensOf(text),
    (token) => token.length > 0 && token.length <= MAX_ID_CHARS && expression.test(token),
    wanted,
    () => 0,
  )?.token;
}

const FORMATS = new Map<string, RegExp>(
  Object.entries({
    email: /^[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}$/,
    uri: /^https?:\/\/\S{3,2000}$/,
    uuid: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i,
    date: /^\d{4}-\d{2}-\d{2}$/,
    "date-time": /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2})$/,
    time: /^\d{2}:\d{2}(?::\d{2})?$/,
    ipv4: /^\d{1,3}(?:\.\d{1,3}){3}$/,
  }),
);

/** A token of a JSON Schema `format`; undefined for formats not known or not found. */
export function findByFormat(text: string, format: string, name: string): string | undefined {
  const expression = FORMATS.get(format === "url" ? "uri" : format);
  if (expression === undefined) return undefined;
  const wanted = new Set(nameWords(name).map(stem));
  return best(
    tokensOf(text),
    (token) => expression.test(token),
    wanted,
    () => 0,
  )?.token;
}

const NUMBER = /^[€$£]?(-?\d{1,12}(?:,\d{3}){0,4}(?:\.\d{1,9})?)(?:%|€|\$|£|[a-z]{1,3})?$/i;
const MONEY = /^(?:amount|price|total|cost|sum|fee|charge)/i;

/** The number that stands by the words of a property; with none there, the `nth` number of the text if `anyOther`. */
export function findNumber(
  text: string,
  name: string,
  description: string,
  nth: number,
  anyOther: boolean,
): number | undefined {
  const tokens = tokensOf(text);
  const wanted = new Set([...nameWords(name), ...wordsOf(description).filter((word) => word.length > 3)].map(stem));
  const near = best(
    tokens,
    (token) => NUMBER.test(token),
    wanted,
    (token) => (MONEY.test(name) && /[€$£]/.test(token) ? 1 : 0),
  );
  const others = anyOther ? tokens.filter(({ text: token }) => NUMBER.test(token)) : [];
  const token = near !== undefined && near.score > 0 ? near.token : others[Math.min(nth, others.length - 1)]?.text;
  const digits = token === undefined ? undefined : NUMBER.exec(token)?.[1];
  return digits === undefined ? undefined : Number(digits.replaceAll(",", ""));
}

/** Capitalised words after "in", "at", "for" (places) or after "named", "called", "is" (names). */
export function findProperName(text: string, name: string): string | undefined {
  const sample = text.slice(0, 8000);
  const capitals = "(\\p{Lu}[\\p{L}’'-]{1,30}(?: \\p{Lu}[\\p{L}’'-]{1,30}){0,3})";
  if (/city|town|place|location|country|region|destination/i.test(name)) {
    return new RegExp(`\\b(?:in|at|for|near|to|from|of) ${capitals}`, "u").exec(sample)?.[1];
  }
  if (/name|person|author|customer|contact/i.test(name)) {
    return new RegExp(`\\b(?:[Nn]ame is|[Nn]amed|[Cc]alled|I am|I'm|[Tt]his is|[Rr]egards,?) ${capitals}`, "u").exec(
      sample,
    )?.[1];
  }
  return undefined;
}
