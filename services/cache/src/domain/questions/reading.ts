import { auxiliaries, being, kinds } from "./kind-of-question.ts";
import * as lexicon from "./lexicon.ts";
import type { Question, Term } from "./question.ts";
import type { Casing, Word } from "./split-words.ts";
import { canonical, singular } from "./word-forms.ts";

/** A pass over the words of a question, from left to right. */
export type Reading = {
  readonly kind: string;
  readonly terms: Term[];
  readonly numbers: { value: string; unit: string }[];
  readonly identifiers: string[];
  readonly modality: Set<string>;
  readonly persons: string[];
  negations: number;
  auxiliary: Question["auxiliary"];
  /** What the words read so far are to the next one. */
  role: string;
  isNegated: boolean;
  /** A relation that nothing has followed yet. */
  dangling: string;
  /** Where the noun phrase under way began, for its owner's `'s` comes last. */
  phraseStart: number;
  doings: number;
};

export function beginReading(kind: string): Reading {
  return {
    kind,
    terms: [],
    numbers: [],
    identifiers: [],
    modality: new Set(),
    persons: [],
    negations: 0,
    auxiliary: "",
    role: "",
    isNegated: false,
    dangling: "",
    phraseStart: 0,
    doings: 0,
  };
}

export function readNext(reading: Reading, word: Word, previous: Word | undefined, isLast: boolean): void {
  if (word.is === "word") readWord(reading, word, previous, isLast);
  else if (word.is === "number") addNumber(reading, word.value, word.unit);
  else if (word.is === "possessive") ownPhrase(reading);
  else {
    reading.identifiers.push(word.text);
    addTerm(reading, word.text, `@${word.text}`);
  }
}

function readWord(reading: Reading, word: Word & { is: "word" }, previous: Word | undefined, isLast: boolean): void {
  const { lower, casing } = word;
  const isEnd = isLast || word.ends;
  const number = lexicon.numberWords.get(lower);
  if (readUnit(reading, word, previous)) reading.dangling = "";
  else if (number) addNumber(reading, number, "");
  else if (casing === "name") addTerm(reading, lower, canonical(lower, casing), casing);
  else if (lexicon.doing.has(lower)) readDoing(reading, lower, isEnd);
  else if (readFunctionWord(reading, lower, previous)) reading.phraseStart = reading.terms.length;
  else addTerm(reading, lower, canonical(lower, casing), casing);
  if (isEnd) endClause(reading);
}

/** @returns whether the word is the unit of the number in front of it; a single letter is one only as a capital */
function readUnit({ numbers }: Reading, { lower, casing }: Word & { is: "word" }, previous: Word | undefined): boolean {
  const unit = lexicon.units.get(lower.toLowerCase());
  const last = previous?.is === "number" || isNumberWord(previous) ? numbers.at(-1) : undefined;
  if (!unit || last?.unit !== "" || (lower.length === 1 && casing !== "name")) return false;
  last.unit = unit;
  return true;
}

function addTerm(reading: Reading, surface: string, canonical: string, casing: Casing = "unknown"): void {
  const { role, isNegated } = reading;
  reading.terms.push({ surface, canonical, role, casing, isNegated });
  reading.isNegated = false;
  reading.dangling = "";
}

function addNumber(reading: Reading, value: string, unit: string): void {
  reading.numbers.push({ value, unit });
  addTerm(reading, value, `#${value}`);
}

/** "Who is the letter from?": the relation itself is what is asked about. */
function endClause(reading: Reading): void {
  const asked = reading.dangling;
  reading.role = "";
  if (asked !== "") addTerm(reading, asked, `~${asked}`);
  reading.phraseStart = reading.terms.length;
}

function relate(reading: Reading, relation: string): void {
  if (reading.dangling !== "") endClause(reading);
  reading.role = relation;
  reading.dangling = relation;
}

/** @returns whether the word is one of those that are no terms */
function readFunctionWord(reading: Reading, lower: string, previous: Word | undefined): boolean {
  const person = lexicon.persons.get(lower);
  const modal = lexicon.modalities.get(lower);
  const relation = lexicon.relations.get(lower);
  const isNegation = lexicon.negations.has(lower);
  if (person && reading.persons.at(-1) !== person) reading.persons.push(person);
  if (modal) reading.modality.add(modal);
  if (isNegation) {
    reading.negations += 1;
    reading.isNegated = true;
  }
  if (relation && !isInfinitive(lower, previous)) relate(reading, relation);
  else if (auxiliaries.has(lower) || kinds.has(lower)) reading.role = "";
  if (being.has(lower)) reading.auxiliary ||= "be";
  return Boolean(person ?? modal ?? relation) || isNegation || lexicon.fillers.has(lower) || isOfKind(reading, lower);
}

/** `much` of "how much" belongs to the kind of the question; how long something takes is how long it is. */
function isOfKind({ kind }: Reading, lower: string): boolean {
  return kind === `how ${lower}` || (kind === "how long" && singular(lower) === "take");
}

function readDoing(reading: Reading, lower: string, isEnd: boolean): void {
  reading.doings += 1;
  if (lower === "did" || lower === "didn") reading.modality.add("past");
  if (reading.doings > 1 || isEnd) addTerm(reading, "do", "do");
  reading.role = "";
  reading.auxiliary ||= "do";
}

function ownPhrase(reading: Reading): void {
  const owners = reading.terms.splice(reading.phraseStart).map((term) => ({ ...term, role: "of" }));
  reading.terms.push(...owners);
  reading.phraseStart = reading.terms.length;
}

function isNumberWord(word: Word | undefined): boolean {
  return word?.is === "word" && lexicon.numberWords.has(word.lower);
}

function isInfinitive(lower: string, previous: Word | undefined): boolean {
  if (lower !== "to") return false;
  return previous === undefined || (previous.is === "word" && lexicon.beforeInfinitive.has(previous.lower));
}
