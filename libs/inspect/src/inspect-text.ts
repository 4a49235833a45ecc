import { type Classification, classify, type Finding } from "./finding.ts";
import { cardsLaidBare } from "./laid-bare.ts";
import { type ActionTable, actionTable, compareActions, compareKinds, type Policy } from "./policy.ts";
import { digitsOf } from "./recognise/card.ts";
import { recognisers } from "./recognisers.ts";
import { possibleKinds } from "./traits.ts";
import { isInUuid } from "./uuid.ts";

export type TextInspection = {
  /** In order and disjoint. What the policy allows is listed too: it counts for the classification. */
  readonly findings: readonly Finding[];
  readonly classification: Classification;
  /** Whether the policy refuses the text. `redacted` is made all the same. */
  readonly blocked: boolean;
  /** The text with each redacted or blocked span replaced: `[card ****1111]`, `[ssn]`. The text itself when there is none. */
  readonly redacted: string;
};

/**
 * Finds cards, keys and the like in a text, says how sensitive it is, and redacts what the policy says.
 * Pure and linear in the text. Where findings overlap the stricter action wins; if both are taken out the whole
 * stretch goes, so that no remainder of either stays behind.
 */
export function inspectText(text: string, policy: Policy): TextInspection {
  const actions = actionTable(policy);
  const found = find(text, actions);
  if (found.length === 0) return { findings: found, classification: "public", blocked: false, redacted: text };
  const findings = withLaidBare(text, withoutOverlaps(found), actions);
  return {
    findings,
    classification: classify(findings),
    blocked: findings.some((finding) => finding.action === "block"),
    redacted: redact(text, findings),
  };
}

/** Kinds that are told by digits and letters alone. */
const numbers: ReadonlySet<Finding["kind"]> = new Set(["card", "iban", "ssn", "phone"]);

const nothing: readonly Finding[] = Object.freeze([]);

function find(text: string, actions: ActionTable): readonly Finding[] {
  const kinds = possibleKinds(text);
  if (kinds.length === 0) return nothing;
  const found: Finding[] = [];
  for (const kind of kinds) {
    for (const { start, end } of recognisers[kind](text)) {
      if (!numbers.has(kind) || !isInUuid(text, start, end)) found.push({ kind, start, end, action: actions[kind] });
    }
  }
  return found.length === 0 ? nothing : found;
}

function withLaidBare(text: string, findings: readonly Finding[], actions: ActionTable): readonly Finding[] {
  const taken = findings.filter((finding) => finding.action !== "allow");
  if (taken.length === 0 || actions.card === "allow") return findings;
  const cards = cardsLaidBare(text, taken).map(
    ({ start, end }): Finding => ({ kind: "card", start, end, action: actions.card }),
  );
  return cards.length === 0 ? findings : withoutOverlaps([...findings, ...cards]);
}

function withoutOverlaps(found: readonly Finding[]): readonly Finding[] {
  if (isDisjoint(found)) return found;
  const sorted = found.toSorted((left, right) => left.start - right.start || right.end - left.end);
  const kept: Finding[] = [];
  for (const next of sorted) {
    const last = kept.at(-1);
    if (last && last.end > next.start) kept[kept.length - 1] = merge(last, next);
    else kept.push(next);
  }
  return kept;
}

function isDisjoint(findings: readonly Finding[]): boolean {
  let end = 0;
  for (const finding of findings) {
    if (finding.start < end) return false;
    end = finding.end;
  }
  return true;
}

function merge(left: Finding, right: Finding): Finding {
  const byAction = compareActions(left.action, right.action);
  const winner = (byAction || compareKinds(left.kind, right.kind)) >= 0 ? left : right;
  const loser = winner === left ? right : left;
  if (loser.action === "allow") return winner;
  return { ...winner, start: Math.min(left.start, right.start), end: Math.max(left.end, right.end) };
}

function redact(text: string, findings: readonly Finding[]): string {
  const parts: string[] = [];
  let from = 0;
  for (const finding of findings) {
    if (finding.action === "allow") continue;
    parts.push(text.slice(from, finding.start), placeholder(text, finding));
    from = finding.end;
  }
  return from === 0 ? text : parts.join("") + text.slice(from);
}

/** Support desks tell cards apart by their last four digits (PCI DSS 3.4.1 allows them); nothing else keeps any. */
function placeholder(text: string, { kind, start, end }: Finding): string {
  return kind === "card" ? `[card ****${digitsOf(text, start, end).slice(-4)}]` : `[${kind}]`;
}
