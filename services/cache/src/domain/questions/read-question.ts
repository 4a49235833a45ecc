import * as lexicon from "./lexicon.ts";
import { normalForm } from "./normal-form.ts";
import { type Casing, splitWords, type Word } from "./split-words.ts";

/** A word, a number with its unit or a code that the answer depends on. */
export type Term = {
  /** As written, in lower case; acronyms as they are. */
  readonly surface: string;
  /** In the singular; of synonyms the one that stands for all. */
  readonly canonical: string;
  /** The relation in front of it, for instance `from`; empty: none. */
  readonly role: string;
  readonly casing: Casing;
  /** A negation stands in front of it. */
  readonly isNegated: boolean;
};

export type Amount = { readonly value: string; readonly unit: string };

/** All of a question that must be the same in another one for their answers to be. */
export type Question = {
  /** how, what, who, …, `yes or no`, or `none` of a phrase or command. */
  readonly kind: string;
  /** The auxiliary it begins with; empty: none. */
  readonly auxiliary: "do" | "be" | "";
  /** Numbers and codes too, in the order written. */
  readonly terms: readonly Term[];
  /** With their units, in the order written. */
  readonly numbers: readonly Amount[];
  /** Codes, addresses and operators, in the order written. */
  readonly identifiers: readonly string[];
  readonly negations: number;
  /** ability, advice, duty, future, past; sorted. */
  readonly modality: readonly string[];
  /** first, second, he, she, they, in the order written. */
  readonly persons: readonly string[];
};

const kinds: ReadonlyMap<string, string> = new Map(
  Object.entries({
    how: "how",
    what: "what",
    which: "what",
    who: "who",
    whom: "who",
    whose: "whose",
    when: "when",
    where: "where",
    why: "why",
  }),
);
const being: ReadonlySet<string> = new Set("is are am was were".split(" "));
const amounts: ReadonlySet<string> = new Set(
  "much many long often far old soon large big fast tall high deep".split(" "),
);
const auxiliaries: ReadonlySet<string> = new Set(
  "is are am was were do does did has have had can could may might will would should must shall isn aren don doesn didn won".split(
    " ",
  ),
);

/** What a text asks, by its words alone: no model, no dictionary beyond `lexicon.ts`. */
export function readQuestion(text: string): Question {
  const form = normalForm(text);
  const words = splitWords(form.text);
  const kind = form.kind ?? kindOf(words);
  const reader = createReader(kind);
  for (const [index, word] of words.entries()) reader.read(word, words[index - 1], index === words.length - 1);
  return reader.question();
}

function kindOf(words: readonly Word[]): string {
  const first = words[0];
  if (first?.is === "word" && auxiliaries.has(first.lower)) return "yes or no";
  for (const [index, word] of words.entries()) {
    const kind = word.is === "word" ? kinds.get(word.lower) : undefined;
    if (kind === undefined) continue;
    const next = words[index + 1];
    return kind === "how" && next?.is === "word" && amounts.has(next.lower) ? `how ${next.lower}` : kind;
  }
  return "none";
}

/** A pass over the words from left to right. What the last words leave to the next is in the first five variables. */
function createReader(kind: string) {
  let role = "";
  let isNegated = false;
  /** A relation that nothing has followed yet. */
  let dangling = "";
  /** Where the noun phrase under way began, for its owner's `'s` comes last. */
  let phraseStart = 0;
  let auxiliary: Question["auxiliary"] = "";
  let doings = 0;
  let negations = 0;
  const terms: Term[] = [];
  const numbers: { value: string; unit: string }[] = [];
  const identifiers: string[] = [];
  const modality = new Set<string>();
  const persons: string[] = [];

  function addTerm(surface: string, casing: Casing): void {
    push(surface, canonical(surface, casing), casing);
  }

  function push(surface: string, canonical: string, casing: Casing): void {
    terms.push({ surface, canonical, role, casing, isNegated });
    isNegated = false;
    dangling = "";
  }

  function addNumber(value: string, unit: string): void {
    numbers.push({ value, unit });
    push(value, `#${value}`, "unknown");
  }

  /** "Who is the letter from?": the relation itself is what is asked about. */
  function endClause(): void {
    const asked = dangling;
    role = "";
    if (asked !== "") push(asked, `~${asked}`, "unknown");
    phraseStart = terms.length;
  }

  function relate(relation: string): void {
    if (dangling !== "") endClause();
    role = relation;
    dangling = relation;
  }

  /** @returns whether the word is one of those that are no terms */
  function readFunctionWord(lower: string, previous: Word | undefined): boolean {
    const person = lexicon.persons.get(lower);
    const modal = lexicon.modalities.get(lower);
    const relation = lexicon.relations.get(lower);
    const isNegation = lexicon.negations.has(lower);
    if (person && persons.at(-1) !== person) persons.push(person);
    if (modal) modality.add(modal);
    if (isNegation) {
      negations += 1;
      isNegated = true;
    }
    if (relation && !isInfinitive(lower, previous)) relate(relation);
    else if (auxiliaries.has(lower) || kinds.has(lower)) role = "";
    if (being.has(lower)) auxiliary ||= "be";
    return Boolean(person ?? modal ?? relation) || isNegation || lexicon.fillers.has(lower) || isOfKind(lower);
  }

  function isOfKind(lower: string): boolean {
    return kind === `how ${lower}` || (kind === "how long" && singular(lower) === "take");
  }

  function readDoing(lower: string, isLast: boolean): void {
    doings += 1;
    if (lower === "did" || lower === "didn") modality.add("past");
    if (doings > 1 || isLast) addTerm("do", "unknown");
    role = "";
    auxiliary ||= "do";
  }

  function readWord(word: Word & { is: "word" }, previous: Word | undefined, isLast: boolean): void {
    const lastNumber = previous?.is === "number" || isNumberWord(previous) ? numbers.at(-1) : undefined;
    const { lower, casing } = word;
    const unit = lexicon.units.get(lower.toLowerCase());
    const number = lexicon.numberWords.get(lower);
    if (lastNumber?.unit === "" && unit && (lower.length > 1 || casing === "name")) lastNumber.unit = unit;
    else if (number) addNumber(number, "");
    else if (casing === "name") addTerm(lower, casing);
    else if (lexicon.doing.has(lower)) readDoing(lower, isLast || word.ends);
    else if (readFunctionWord(lower, previous)) phraseStart = terms.length;
    else addTerm(lower, casing);
    if (word.ends || isLast) endClause();
  }

  function ownPhrase(): void {
    const owners = terms.splice(phraseStart).map((term) => ({ ...term, role: "of" }));
    terms.push(...owners);
    phraseStart = terms.length;
  }

  return {
    read(word: Word, previous: Word | undefined, isLast: boolean): void {
      if (word.is === "word") readWord(word, previous, isLast);
      else if (word.is === "number") addNumber(word.value, word.unit);
      else if (word.is === "possessive") ownPhrase();
      else {
        identifiers.push(word.text);
        push(word.text, `@${word.text}`, "unknown");
      }
    },
    question(): Question {
      return { kind, auxiliary, terms, numbers, identifiers, negations, modality: [...modality].sort(), persons };
    },
  };
}

/** One text for a word in all its forms. An acronym that is spelled like a function word is told from it: US, IT. */
function canonical(surface: string, casing: Casing): string {
  const lower = surface.toLowerCase();
  if (casing === "name") return lower !== surface && lexicon.isFunctionWord(lower) ? surface : lower;
  const stem = singular(lower);
  return lexicon.synonyms.get(lower) ?? lexicon.synonyms.get(stem) ?? stem;
}

function isNumberWord(word: Word | undefined): boolean {
  return word?.is === "word" && lexicon.numberWords.has(word.lower);
}

function isInfinitive(lower: string, previous: Word | undefined): boolean {
  return (
    lower === "to" &&
    (previous === undefined || (previous.is === "word" && lexicon.beforeInfinitive.has(previous.lower)))
  );
}

// Singular of another word, or no plural at all.
const irregular: ReadonlySet<string> = new Set(
  "news customs goods arms glasses savings earnings headquarters means series species lens always physics mathematics politics economics data".split(
    " ",
  ),
);

/** Endings that make a noun of a verb are left alone: who asks for the parking does not ask for the park. */
function singular(word: string): string {
  if (word.length <= 3 || irregular.has(word) || /(?:ss|us|is)$/.test(word)) return word;
  if (/[^aeiou]ies$/.test(word) && word.length > 4) return `${word.slice(0, -3)}y`;
  if (/(?:ch|sh|x|ss|zz)es$/.test(word)) return word.slice(0, -2);
  return word.endsWith("s") ? word.slice(0, -1) : word;
}
