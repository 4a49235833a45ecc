import { canonicalJson } from "@agentmesh/ids";
import { embedWords } from "./questions/embed-words.ts";
import { readQuestion } from "./questions/read-question.ts";

const ALIKE = 0.9;
const MAX_CHARS = 4_000;

/**
 * Whether two stored answers say the same, as far as their words show: a model seldom repeats itself to the letter, but
 * it repeats its figures. In doubt they differ, which costs a hit and nothing else.
 */
export function isSameAnswer(a: Uint8Array, b: Uint8Array): boolean {
  const [one, other] = [readAnswer(a), readAnswer(b)];
  if (one === other) return true;
  if (one.length > MAX_CHARS || other.length > MAX_CHARS) return false;
  const [x, y] = [readQuestion(one), readQuestion(other)];
  const facts = ({ numbers, identifiers, negations }: typeof x) => canonicalJson({ numbers, identifiers, negations });
  if (facts(x) !== facts(y)) return false;
  const [v, w] = [embedWords(one), embedWords(other)];
  return v.reduce((sum, value, index) => sum + value * (w[index] ?? 0), 0) >= ALIKE;
}

/** The texts of an answer's JSON, in the order of its members' names; what is no JSON as it is. */
function readAnswer(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString("utf8");
  try {
    return leaves(JSON.parse(canonicalJson(JSON.parse(text)))).join(" ");
  } catch {
    return text;
  }
}

function leaves(value: unknown): string[] {
  if (value === null || typeof value !== "object") return [String(value)];
  return Object.entries(value).flatMap(([key, member]) =>
    Array.isArray(value) ? leaves(member) : [key, ...leaves(member)],
  );
}
