import { languageOf } from "./language.ts";
import { conceptOf, type Family, familyOf, weigh } from "./lexicons.ts";
import type { Conversation } from "./read-request.ts";
import { valueWords } from "./value-words.ts";
import { nameWords, stem } from "./words.ts";

/** A choice among an enum's values, with how sure it is. */
export type Choice = {
  readonly name: string;
  readonly family: Family["name"] | "language" | "other";
  readonly value: string;
  readonly score: number;
  /** 0 (as good as another value) to 1 (nothing speaks for another). */
  readonly margin: number;
  /** The stems that spoke for it. */
  readonly hits: readonly string[];
};

type Scored = { value: string; score: number; hits: string[] };

const DESCRIPTION_WEIGHT = 3;
const INSTRUCTION_WEIGHT = 2;
const NAME_WEIGHT = 1.5;
/** A value the lexicons know has its name among their words already. */
const KNOWN_NAME_WEIGHT = 0.5;
/** What a field of the same name in the user's data (`priority: high`) weighs. */
const FIELD_WEIGHT = 6;
/** What half of the evidence for a concept is worth where the enum lacks it and a wider one takes it. */
const FALL_SHARE = 0.5;
const SMOOTHING = 1;

function squash(text: string): string {
  return nameWords(text).join("");
}

function conceptScores(conversation: Conversation, family: Family): Map<string, { score: number; hits: string[] }> {
  const scores = new Map<string, { score: number; hits: string[] }>();
  for (const [name, concept] of family.concepts) {
    const { score, hits } = weigh(conversation.bag, concept.terms, family.name !== "topic");
    scores.set(name, { score: score + concept.prior, hits });
  }
  if (family.name === "topic" && conversation.reading.hostile > 0 && conversation.bag.size < 10) {
    for (const name of ["spam", "security"]) scores.set(name, { score: name === "spam" ? 2 : 1.5, hits: [] });
  }
  if (family.name === "sentiment") addShouting(conversation, scores);
  return scores;
}

/** Capitals and rows of exclamation marks are a tone of their own. */
function addShouting(conversation: Conversation, scores: Map<string, { score: number; hits: string[] }>): void {
  const text = [conversation.reading.subject, ...conversation.reading.sentences.slice(0, 50)].join(" ");
  const shouted = text.match(/\b[A-Z]{4,20}\b/g)?.length ?? 0;
  const marks = text.match(/[!?]{2,10}/g)?.length ?? 0;
  const negative = scores.get("negative");
  const positive = scores.get("positive")?.score ?? 0;
  if (negative !== undefined && positive < 2) negative.score += Math.min(3, shouted * 0.5) + Math.min(2, marks);
}

/** Moves the evidence of concepts the enum lacks to the ones that take it. */
function fold(
  scores: Map<string, { score: number; hits: string[] }>,
  family: Family,
  present: ReadonlySet<string>,
): void {
  for (const [name, { score, hits }] of scores) {
    if (present.has(name)) continue;
    let target = family.concepts.get(name)?.fallsTo;
    for (let hops = 0; target !== undefined && !present.has(target) && hops < 4; hops += 1) {
      target = family.concepts.get(target)?.fallsTo;
    }
    const taker = target === undefined ? undefined : scores.get(target);
    const share = family.name === "topic" ? FALL_SHARE : 1;
    if (taker === undefined || target === undefined || !present.has(target)) continue;
    taker.score += score * share;
    taker.hits.push(...hits);
  }
}

function scoreValues(
  name: string,
  description: string,
  values: readonly string[],
  conversation: Conversation,
): Scored[] {
  const family = familyOf(values);
  const own = valueWords(description, values, DESCRIPTION_WEIGHT);
  const told = valueWords(conversation.instructions, values, INSTRUCTION_WEIGHT);
  const concepts = family === undefined ? new Map() : conceptScores(conversation, family);
  const named = new Map(values.map((value) => [value, family === undefined ? undefined : conceptOf(family, value)]));
  if (family !== undefined)
    fold(concepts, family, new Set([...named.values()].filter((concept) => concept !== undefined)));
  const field = conversation.reading.fields.find(({ key }) => squash(key) === squash(name));
  const taken = new Set<string>();
  return values.map((value) => {
    const concept = named.get(value);
    const fromConcept = concept === undefined || taken.has(concept) ? undefined : concepts.get(concept);
    if (concept !== undefined) taken.add(concept);
    const words = nameWords(value).map((word): [string, number] => [
      stem(word),
      concept === undefined ? NAME_WEIGHT : KNOWN_NAME_WEIGHT,
    ]);
    const terms = [
      ...(own.get(value) ?? []),
      ...(told.get(value) ?? []),
      ...(family?.name === "priority" ? [] : words),
    ];
    const { score, hits } = weigh(conversation.bag, terms, family?.name !== "topic");
    const isField = field !== undefined && squash(String(field.value)) === squash(value);
    return {
      value,
      score: score + (fromConcept?.score ?? 0) + (isField ? FIELD_WEIGHT : 0),
      hits: [...new Set([...hits, ...(fromConcept?.hits ?? [])])],
    };
  });
}

/** A choice for each value, best first; see {@link chooseEnum}. */
export function rankEnum(
  name: string,
  description: string,
  values: readonly string[],
  conversation: Conversation,
): Choice[] {
  const language = languageChoice(name, values, conversation);
  if (language !== undefined) return [language];
  const family = familyOf(values)?.name ?? "other";
  const scored = scoreValues(name, description, values, conversation).toSorted((a, b) => b.score - a.score);
  return scored.map(({ value, score, hits }, index) => {
    const next = Math.max(0, scored[index + 1]?.score ?? 0);
    const margin = score <= 0 ? 0 : (score - next) / (score + SMOOTHING);
    return { name, family, value, score, margin, hits };
  });
}

/**
 * Chooses among text values by the user's words: words the property's description lists for a value weigh most, then
 * those the instructions list, the value's own name, and the built-in lexicons. Ties and no evidence go to the value
 * that stands for the ordinary case (general, normal, neutral), else to the first.
 */
export function chooseEnum(
  name: string,
  description: string,
  values: readonly string[],
  conversation: Conversation,
): Choice {
  const [best] = rankEnum(name, description, values, conversation);
  return best ?? { name, family: "other", value: values[0] ?? "", score: 0, margin: 0, hits: [] };
}

function languageChoice(name: string, values: readonly string[], conversation: Conversation): Choice | undefined {
  if (!/lang|locale/i.test(name)) return undefined;
  const { code, english } = languageOf([conversation.reading.subject, ...conversation.reading.sentences].join(" "));
  const value = values.find((item) => [code, english].includes(item.toLowerCase().split(/[-_]/)[0] ?? ""));
  if (value === undefined) return undefined;
  return { name, family: "language", value, score: 3, margin: 0.8, hits: [] };
}
