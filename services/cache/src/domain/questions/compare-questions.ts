import * as lexicon from "./lexicon.ts";
import type { Question, Term } from "./question.ts";

/** Why an answer to one question does not answer the other. */
export type Veto =
  | "number"
  | "unit"
  | "identifier"
  | "negation"
  | "kind"
  | "time"
  | "person"
  | "name"
  | "opposite"
  | "order"
  | "other words"
  | "restriction";

export type Comparison =
  | { readonly veto: Veto }
  /** 0 to 1: how well the words of the two align. */
  | { readonly veto: undefined; readonly alignment: number };

// Words that one of the two has on top, up to which they may be one question; each costs EXTRA_COST.
const MAX_EXTRAS = 2;
const EXTRA_COST = 0.3;
const LOOSE_ROLE_COST = 0.35;
const PHRASE_COST = 0.02;
const INFLECTION_COST = 0.02;
const SYNONYM_COST = 0.05;

/**
 * Whether two questions ask the same, by what must not differ: numbers and units, codes, negations, names, opposites,
 * who does what to whom. What passes is scored by how its words align.
 */
export function compareQuestions(a: Question, b: Question): Comparison {
  const veto = vetoOfForm(a, b);
  if (veto) return { veto };
  const { pairs, extras } = alignTerms(a.terms, b.terms);
  const problem = vetoOfExtras(extras.a, extras.b) ?? vetoOfPairs(pairs);
  if (problem) return { veto: problem };
  if (pairs.length === 0) return { veto: "other words" };
  const cost = pairs.reduce((sum, pair) => sum + costOfPair(pair), 0) / pairs.length;
  // Once for all words of a phrase: they share the relation in front of it.
  const changed = new Set(pairs.filter(([x, y]) => x.role !== y.role).map(([x, y]) => `${x.role} ${y.role}`));
  const roles = changed.size * LOOSE_ROLE_COST;
  const added = (extras.a.length + extras.b.length) * EXTRA_COST;
  const phrase = a.kind === b.kind ? 0 : PHRASE_COST;
  return { veto: undefined, alignment: Math.max(0, 1 - cost - roles - added - phrase) };
}

function vetoOfForm(a: Question, b: Question): Veto | undefined {
  if (
    !isSame(
      a.numbers.map(({ value }) => value),
      b.numbers.map(({ value }) => value),
    )
  )
    return "number";
  if (
    !isSame(
      a.numbers.map(({ unit }) => unit),
      b.numbers.map(({ unit }) => unit),
    )
  )
    return "unit";
  if (!isSame(a.identifiers, b.identifiers)) return "identifier";
  if (a.negations !== b.negations) return "negation";
  if (!isSameKind(a, b)) return "kind";
  if (!isSame(timesOf(a), timesOf(b))) return "time";
  return isSamePersons(a, b) ? undefined : "person";
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}

/** "Refund policy?" asks what it is. What cats are like is not what they do like. */
function isSameKind(a: Question, b: Question): boolean {
  const both = new Set([a.kind, b.kind]);
  if (a.auxiliary !== b.auxiliary && a.auxiliary !== "" && b.auxiliary !== "") return false;
  return a.kind === b.kind || (both.size === 2 && both.has("what") && both.has("none"));
}

/** "How can I" and "how do I" are one; "can I" and "do I" are not. */
function timesOf({ kind, modality }: Question): readonly string[] {
  if (kind === "how") return modality.filter((mode) => mode === "past");
  if (kind === "where") return modality.filter((mode) => mode !== "ability");
  if (kind === "when" || kind.startsWith("how ")) return modality.filter((mode) => mode !== "future");
  return modality;
}

/** Whose it is goes without saying, unless the two say it differently. Between two persons it is a matter of direction. */
function isSamePersons(a: Question, b: Question): boolean {
  if (isSame(a.persons, b.persons)) return true;
  const spoken = [...a.persons, ...b.persons];
  if (spoken.some((person) => person !== "first" && person !== "second")) return false;
  const one = new Set(spoken).size === 1;
  return one || (a.kind === "how" && new Set(a.persons).size <= 1 && new Set(b.persons).size <= 1);
}

type TermPair = readonly [Term, Term, indexOfA: number, indexOfB: number];

/** Pairs equal words, those in the same relation first. */
function alignTerms(a: readonly Term[], b: readonly Term[]) {
  const left = new Set(b.keys());
  const pairs: TermPair[] = [];
  const unpaired: Term[] = [];
  for (const [index, term] of a.entries()) {
    const equals = [...left].filter((other) => b[other]?.canonical === term.canonical);
    const at = equals.find((other) => b[other]?.role === term.role) ?? equals[0];
    const partner = at === undefined ? undefined : b[at];
    if (at === undefined || partner === undefined) {
      unpaired.push(term);
      continue;
    }
    left.delete(at);
    pairs.push([term, partner, index, at]);
  }
  return { pairs, extras: { a: unpaired, b: b.filter((_, index) => left.has(index)) } };
}

function vetoOfExtras(a: readonly Term[], b: readonly Term[]): Veto | undefined {
  const isOpposite = a.some((x) => b.some((y) => lexicon.opposites.has(`${x.canonical} ${y.canonical}`)));
  if (isOpposite) return "opposite";
  const extras = [...a, ...b];
  if (extras.some((term) => term.casing === "name")) return "name";
  if (a.length > 0 && b.length > 0) return "other words";
  const limits = extras.some((term) => lexicon.limiting.has(term.canonical) || term.isNegated || !isLoose(term.role));
  return limits || extras.length > MAX_EXTRAS ? "restriction" : undefined;
}

function isLoose(role: string): boolean {
  return lexicon.looseRelations.has(role);
}

function vetoOfPairs(pairs: readonly TermPair[]): Veto | undefined {
  for (const [x, y] of pairs) {
    if (x.isNegated !== y.isNegated) return "negation";
    if ((x.casing === "name" && y.casing === "plain") || (x.casing === "plain" && y.casing === "name")) return "name";
    if (x.role !== y.role && !(isLoose(x.role) && isLoose(y.role))) return "order";
  }
  for (const [x, y, a, b] of pairs) {
    for (const [otherX, otherY, otherA, otherB] of pairs) {
      if (!(a < otherA && b > otherB)) continue;
      // Two words may change places where their relations say the same as before: "in Germany, what is …".
      const isMoved = x.role === y.role && otherX.role === otherY.role && x.role !== otherX.role;
      if (!isMoved) return "order";
    }
  }
  return undefined;
}

function costOfPair([x, y]: TermPair): number {
  if (x.surface === y.surface) return 0;
  return lexicon.synonyms.has(x.surface) && lexicon.synonyms.has(y.surface) ? SYNONYM_COST : INFLECTION_COST;
}
