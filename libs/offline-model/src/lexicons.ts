import { ANSWERS, type ConceptWords, PRIORITIES, SENTIMENTS, TOPICS } from "./concept-words.ts";
import { type Bag, countAffirmed, nameWords, stem, wordsOf } from "./words.ts";

export type Concept = {
  readonly name: string;
  readonly terms: readonly (readonly [term: string, weight: number])[];
  readonly prior: number;
  readonly fallsTo: string | undefined;
};

/** A family of concepts that exclude one another, found by the enum values that name them. */
export type Family = {
  readonly name: "topic" | "priority" | "sentiment" | "answer";
  readonly concepts: ReadonlyMap<string, Concept>;
  readonly aliases: ReadonlyMap<string, string>;
};

/** The term as it stands in a bag: one or two stems; of a longer phrase, its last two. */
export function termOf(phrase: string): string {
  return wordsOf(phrase).slice(-2).map(stem).join(" ");
}

function squash(name: string): string {
  return nameWords(name).join("_");
}

function compile(name: Family["name"], source: Readonly<Record<string, ConceptWords>>): Family {
  const concepts = new Map<string, Concept>();
  const aliases = new Map<string, string>();
  for (const [key, { alias, words, prior = 0, fallsTo }] of Object.entries(source)) {
    const terms = new Map<string, number>();
    for (const entry of words.split(",")) {
      const [phrase = "", weight = "1"] = entry.trim().split("*");
      const term = termOf(phrase);
      // Inflections listed apart may share a stem; the strongest speaks.
      if (term !== "") terms.set(term, strongest(terms.get(term), Number(weight)));
    }
    concepts.set(key, { name: key, terms: [...terms], prior, fallsTo });
    for (const value of alias.split(",")) if (!aliases.has(squash(value))) aliases.set(squash(value), key);
  }
  return { name, concepts, aliases };
}

function strongest(known: number | undefined, weight: number): number {
  return known === undefined || Math.abs(weight) > Math.abs(known) ? weight : known;
}

type Lexicons = { readonly families: readonly Family[]; readonly domain: ReadonlySet<string> };
let compiled: Lexicons | undefined;

/** Compiled on first use (about a millisecond), so that importing the model costs nothing. */
function lexicons(): Lexicons {
  if (compiled === undefined) {
    const topic = compile("topic", TOPICS);
    const domain = [...topic.concepts.values()].flatMap(({ terms }) =>
      terms.filter(([term, weight]) => weight >= 2 && !term.includes(" ")).map(([term]) => term),
    );
    compiled = {
      families: [compile("priority", PRIORITIES), compile("sentiment", SENTIMENTS), compile("answer", ANSWERS), topic],
      domain: new Set(domain),
    };
  }
  return compiled;
}

/** Whether a stem is a strong word of any topic. */
export function isDomainTerm(root: string): boolean {
  return lexicons().domain.has(root);
}

/** The concept an enum value names in a family: `account/login`, `Billing issue` and `p1` are understood. */
export function conceptOf(family: Family, value: string): string | undefined {
  const whole = family.aliases.get(squash(value));
  if (whole !== undefined || family.name !== "topic") return whole;
  for (const word of nameWords(value)) {
    const part = family.aliases.get(word);
    if (part !== undefined) return part;
  }
  return undefined;
}

/** The family most of an enum's values belong to (at least two of them, or half), or undefined. */
export function familyOf(values: readonly string[]): Family | undefined {
  let best: Family | undefined;
  let most = 0;
  for (const family of lexicons().families) {
    const named = values.filter((value) => conceptOf(family, value) !== undefined).length;
    if (named > most && (named >= 2 || named * 2 >= values.length)) {
      best = family;
      most = named;
    }
  }
  return best;
}

/** The family of a name, for free text and numbers called `sentiment` or `priority`. */
export function familyNamed(name: Family["name"]): Family | undefined {
  return lexicons().families.find((family) => family.name === name);
}

/**
 * How much a text speaks for weighted terms. Repeats add little: n times a word counts 1 + ln n. With `denials`, "not
 * urgent" takes back an "urgent"; a topic stays a topic when denied ("not delivered").
 */
export function weigh(
  bag: Bag,
  terms: readonly (readonly [string, number])[],
  denials: boolean,
): { score: number; hits: string[] } {
  let score = 0;
  const hits: string[] = [];
  for (const [term, weight] of terms) {
    const count = denials ? countAffirmed(bag, term) : (bag.get(term) ?? 0);
    if (count <= 0) continue;
    score += weight * (1 + Math.log(Math.max(1, count)));
    if (weight > 0) hits.push(term);
  }
  return { score, hits };
}
