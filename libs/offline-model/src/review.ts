import { isHostile } from "./hostile.ts";
import { keywordsOf } from "./keywords.ts";
import type { Conversation } from "./read-request.ts";
import { sentencesOf } from "./sentences.ts";
import { contentStems } from "./words.ts";

/** What a reading of a draft can tell: not whether it is true, but whether it looks like an answer to the message. */
export type Review = {
  /** 0..1, two decimals. */
  readonly score: number;
  /** One sentence for each check, failed ones first. */
  readonly findings: readonly string[];
};

type Check = {
  readonly weight: number;
  readonly share: number;
  readonly finding: string /** The score's bound when failed. */;
  readonly cap?: number;
};

const MIN_CHARS = 60;
const MAX_CHARS = 3000;
/** An answer that takes up this share of the question's keywords speaks to it. */
const FULL_OVERLAP = 0.3;
const QUESTION_KEYWORDS = 12;

const PLACEHOLDER =
  /\[(?:your |customer |insert |company |agent )?(?:name|company|date|link|order number|xxx?|todo|placeholder)[^\]]{0,40}\]|\{\{[^}]{0,60}\}\}|<(?:insert|your|name)[^>]{0,40}>|\b(?:TODO|TBD|FIXME|XXX|lorem ipsum)\b/i;
const POLITE =
  /\b(?:hello|hi|dear|good (?:morning|day|afternoon)|thank|thanks|please|sorry|apolog|regards|sincerely|happy to help|glad|bitte|danke|merci|bonjour|hola|gracias)/i;
const RUDE = /\b(?:stupid|idiot|shut up|your fault|not our problem|whatever)\b/i;
const UNANSWERED =
  /\b(?:could not|couldn't|cannot|can't|unable to) (?:find|answer|locate)\b|\bno (?:article|information|answer) (?:was )?found\b/i;

function overlapCheck({ reading }: Conversation, draft: string): Check {
  const keywords = keywordsOf(reading.subject, reading.sentences.join("\n"), QUESTION_KEYWORDS);
  const stems = new Set(contentStems(draft));
  const met = keywords.filter(({ stem }) => stems.has(stem));
  const share = keywords.length === 0 ? 1 : Math.min(1, met.length / keywords.length / FULL_OVERLAP);
  const words = met.slice(0, 4).map(({ word }) => word);
  const finding =
    met.length === 0
      ? "The draft takes up none of the question's words."
      : `The draft takes up the question: ${words.join(", ")}.`;
  return share === 0 ? { weight: 0.3, share, finding, cap: 0.5 } : { weight: 0.3, share, finding };
}

function citationCheck(conversation: Conversation): Check {
  const draft = conversation.reading.draft;
  const marks = [...(draft?.text ?? "").matchAll(/\[([a-z0-9][\w-]{1,60})\]/gi)].map(([, id = ""]) => id);
  const cited = [...new Set([...(draft?.citations ?? []), ...marks])];
  const known = new Set(conversation.sources.flatMap(({ id }) => (id === undefined ? [] : [id])));
  const unknown = known.size === 0 ? [] : cited.filter((id) => !known.has(id));
  if (cited.length === 0) return { weight: 0.25, share: 0, finding: "The draft cites no source." };
  if (unknown.length > 0) {
    return {
      weight: 0.25,
      share: 0,
      finding: `The draft cites ${unknown.slice(0, 3).join(", ")}, not among the sources.`,
      cap: 0.6,
    };
  }
  return { weight: 0.25, share: 1, finding: `The draft cites ${cited.slice(0, 5).join(", ")}.` };
}

function check(weight: number, passed: boolean, good: string, bad: string, cap: number): Check {
  return passed ? { weight, share: 1, finding: good } : { weight, share: 0, finding: bad, cap };
}

/** Reviews the draft in the user's message against the rest of it; undefined where there is no draft. */
export function reviewDraft(conversation: Conversation): Review | undefined {
  const text = conversation.reading.draft?.text.trim();
  if (text === undefined) return undefined;
  if (text.length === 0) return { score: 0, findings: ["The draft is empty."] };
  const leaks = sentencesOf(text).some(isHostile);
  const checks = [
    overlapCheck(conversation, text),
    citationCheck(conversation),
    check(0.1, text.length >= MIN_CHARS, "Its length is sensible.", `It is only ${text.length} characters long.`, 0.5),
    check(0.05, text.length <= MAX_CHARS, "It is not too long.", `It is ${text.length} characters long.`, 0.65),
    check(0.1, !PLACEHOLDER.test(text), "No placeholder is left in it.", "A placeholder is left in it.", 0.5),
    check(0.1, POLITE.test(text) && !RUDE.test(text), "Its tone is polite.", "Its tone is not polite.", 0.75),
    check(0.05, !leaks, "It holds no instructions.", "It repeats instructions that are not for the customer.", 0.2),
    check(0.05, !UNANSWERED.test(text), "It gives an answer.", "It says that no answer was found.", 0.5),
  ];
  const sum = checks.reduce((total, { weight, share }) => total + weight * share, 0);
  const bound = Math.min(1, ...checks.map(({ cap = 1 }) => cap));
  const ordered = checks.toSorted((a, b) => a.share - b.share);
  return { score: Math.round(Math.min(sum, bound) * 100) / 100, findings: ordered.map(({ finding }) => finding) };
}
