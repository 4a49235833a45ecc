import { isStopWord, nameWords, stem, wordsOf } from "./words.ts";

type Terms = (readonly [term: string, weight: number])[];

const MAX_LIST_CHARS = 400;

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Where, in a text, a value is explained: `billing: …`, "`billing` – …", `billing (…)`. Index after the mark, or -1. */
function explanationStart(text: string, value: string): { from: number; closing: string } | undefined {
  const spelled = nameWords(value).map(escaped).join("[ _/-]");
  const mark = new RegExp(
    `(?:^|[^\\w])["'\`*]{0,3}(?:${escaped(value)}|${spelled})["'\`*]{0,3}\\s*(:|=|\\u2013|\\u2014|- |\\()`,
    "i",
  );
  const match = mark.exec(text);
  if (match === null) return undefined;
  return { from: match.index + match[0].length, closing: match[1] === "(" ? ")" : "" };
}

/**
 * The words a description gives for each value of an enum, as weighted terms. In "billing: invoices, charges; technical:
 * errors, crashes" each list ends at `;`, a full stop, a line's end, or where the next value is explained. Phrases of
 * two words also count as a pair, which weighs more than its parts.
 */
export function valueWords(text: string, values: readonly string[], weight: number): Map<string, Terms> {
  const starts = values.map((value) => ({ value, start: text === "" ? undefined : explanationStart(text, value) }));
  const marks = starts.flatMap(({ start }) => (start === undefined ? [] : [start.from]));
  const lists = new Map<string, Terms>();
  for (const { value, start } of starts) {
    if (start === undefined) continue;
    const rest = text.slice(start.from, start.from + MAX_LIST_CHARS);
    const closed = rest.search(start.closing === ")" ? /\)/ : /[;\n]|\.(?:\s|$)/);
    const next = Math.min(...marks.filter((mark) => mark > start.from)) - start.from - value.length - 1;
    const end = Math.min(closed < 0 ? rest.length : closed, Math.max(0, next));
    const terms = termsOf(rest.slice(0, end), weight);
    if (terms.length > 0) lists.set(value, terms);
  }
  return lists;
}

function termsOf(list: string, weight: number): Terms {
  const terms = new Map<string, number>();
  for (const phrase of list.split(/[,/|]|\bor\b|\band\b/)) {
    const words = wordsOf(phrase);
    const pairs = words.slice(1).map((word, index) => `${stem(words[index] ?? "")} ${stem(word)}`);
    if (words.length > 1) for (const pair of pairs) terms.set(pair, weight);
    for (const word of words) if (!isStopWord(word)) terms.set(stem(word), words.length > 1 ? weight / 2 : weight);
  }
  return [...terms];
}
