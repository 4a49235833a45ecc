import type { FunctionTool } from "./chat.ts";
import { type Bag, contentStems, stem } from "./words.ts";

/** What the instructions say about a tool they name. */
export type Mention = {
  /** `must`: call it; `when`: its condition holds; `not`: forbidden, or its condition does not hold. */
  readonly kind: "must" | "when" | "not";
  /** Where it was named: earlier tools are called first. */
  readonly position: number;
};

const NEGATION = /\b(?:never|not|don't|without|avoid|instead of|rather than|no need to|forbidden)\b/i;
const CONDITION =
  /\b(?:if|when|whenever|only|unless|in case|as soon as|for (?:tickets|questions|messages|requests|orders) (?:about|on|with))\b/i;
/** Words that say nothing about a message: a condition of only such words always holds. */
const GENERIC = new Set(
  `ticket tickets message question request customer user answer answering receive arrives arrive reply draft drafting
  mention mentions mentioned ask asks asked about concerns about necessary needed relevant possible available given any
  every first before writing write tool call use using search article articles knowledge base number name`
    .split(/\s+/)
    .map(stem),
);

/** "Use a but never b; if c, use d" says three things. */
function clauses(sentence: string): string[] {
  return sentence.split(/;|(?=,?\s(?:but|and never|and do not|and don't)\b)/i);
}

/** The condition in a clause: from its "if" to the next comma, the tool's name, or the end. */
function conditionHolds(clause: string, name: string, bag: Bag): boolean {
  const match = CONDITION.exec(clause);
  if (match === null) return true;
  const rest = clause.slice(match.index + match[0].length);
  const comma = rest.indexOf(",");
  const named = rest.indexOf(name);
  const ends = [comma, named].filter((index) => index > 0);
  const condition = ends.length === 0 ? rest : rest.slice(0, Math.min(...ends));
  const telling = contentStems(condition).filter((root) => !GENERIC.has(root));
  const holds = telling.length === 0 || telling.some((root) => (bag.get(root) ?? 0) > 0);
  return /unless/i.test(match[0]) ? !holds || telling.length === 0 : holds;
}

/** Reads, for each tool named in the instructions, whether they ask for it given the user's words. */
export function readMentions(
  sentences: readonly string[],
  tools: readonly FunctionTool[],
  bag: Bag,
): Map<string, Mention> {
  const mentions = new Map<string, Mention>();
  const parts = sentences.flatMap(clauses);
  parts.forEach((clause, position) => {
    for (const { function: tool } of tools) {
      const at = clause.indexOf(tool.name);
      if (at < 0 || mentions.get(tool.name)?.kind === "not") continue;
      const isDenied = NEGATION.test(clause.slice(0, at).slice(-40));
      const isConditional = CONDITION.test(clause);
      const kind = isDenied
        ? "not"
        : isConditional
          ? conditionHolds(clause, tool.name, bag)
            ? "when"
            : "not"
          : "must";
      if (!mentions.has(tool.name) || isDenied) mentions.set(tool.name, { kind, position: position + at / 10_000 });
    }
  });
  return mentions;
}
