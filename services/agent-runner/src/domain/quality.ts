import type { ToolCallRecord } from "./tool.ts";

export type QualityCheck = { readonly name: string; readonly score: number; readonly detail: string };
export type Quality = { readonly score: number; readonly checks: QualityCheck[] };

export type QualitySettings = {
  readonly minChars: number;
  readonly maxChars: number;
  readonly citations: boolean;
};

export type ScoredAnswer = {
  readonly text: string;
  /** Whether it satisfied an output schema; undefined: there is none. */
  readonly satisfiesSchema: boolean | undefined;
  readonly toolCalls: readonly Pick<ToolCallRecord, "result" | "failed">[];
};

const REFUSAL =
  /\b(?:i (?:can(?:no|')t|am (?:not able|unable) to|won't) (?:help|assist|answer|comply|do that|provide)|as an ai(?: language)? model|i'?m sorry,? but i can|i (?:do not|don't) have (?:access|the ability))\b/i;
const PLACEHOLDER = /\b(?:lorem ipsum|TODO|TBD|FIXME|insert \w+ here)\b|\{\{[^}]*\}\}|<(?:placeholder|your[ -]\w+)>/i;
// A refusal or a placeholder is no answer, however well it is written.
const MOST_WITH_REFUSAL = 0.2;
const MOST_WITH_PLACEHOLDER = 0.5;
const SHINGLE_WORDS = 5;
const MIN_LOOP_CHARS = 160;
const MAX_LOOP_CHARS = 2_000;

/** What can be told of an answer without asking anybody, 0 to 1: the mean of its checks, less where it is no answer. */
export function scoreAnswer(answer: ScoredAnswer, settings: QualitySettings): Quality {
  const checks = [checkLength(answer.text, settings), checkRefusal(answer.text), checkPlaceholders(answer.text)];
  checks.push(checkRepetition(answer.text));
  if (answer.satisfiesSchema !== undefined) {
    checks.push({ name: "schema", score: answer.satisfiesSchema ? 1 : 0, detail: "" });
  }
  if (settings.citations) checks.push(checkCitations(answer));
  return { score: combine(checks), checks };
}

// What a judge says of meaning weighs as much as all that can be counted.
const JUDGE_WEIGHT = 0.5;

export function withJudgement(quality: Quality, judged: { score: number; detail: string }): Quality {
  const score = (1 - JUDGE_WEIGHT) * quality.score + JUDGE_WEIGHT * judged.score;
  return { score: round(score), checks: [...quality.checks, { name: "judge", ...judged }] };
}

function combine(checks: readonly QualityCheck[]): number {
  const failed = (name: string) => checks.some((check) => check.name === name && check.score === 0);
  const mean = checks.reduce((sum, check) => sum + check.score, 0) / checks.length;
  const most = failed("refusal") ? MOST_WITH_REFUSAL : failed("placeholders") ? MOST_WITH_PLACEHOLDER : 1;
  return round(Math.min(mean, most));
}

function checkLength(text: string, { minChars, maxChars }: QualitySettings): QualityCheck {
  const chars = text.trim().length;
  const score = chars < minChars ? chars / minChars : chars > maxChars ? maxChars / chars : 1;
  return { name: "length", score: round(score), detail: `${chars} characters` };
}

function checkRefusal(text: string): QualityCheck {
  const found = REFUSAL.exec(text)?.[0] ?? "";
  return { name: "refusal", score: found ? 0 : 1, detail: found };
}

function checkPlaceholders(text: string): QualityCheck {
  const found = PLACEHOLDER.exec(text)?.[0] ?? "";
  return { name: "placeholders", score: found ? 0 : 1, detail: found.slice(0, 60) };
}

/** The share of runs of five words that are said once, at the end of a long text: that is where a model loops. */
function checkRepetition(text: string): QualityCheck {
  if (text.length < MIN_LOOP_CHARS) return { name: "repetition", score: 1, detail: "" };
  const words = text.slice(-MAX_LOOP_CHARS).toLowerCase().match(/\w+/g) ?? [];
  const count = words.length - SHINGLE_WORDS + 1;
  if (count < SHINGLE_WORDS) return { name: "repetition", score: 1, detail: "" };
  const distinct = new Set<string>();
  for (let at = 0; at < count; at++) {
    distinct.add(`${words[at]} ${words[at + 1]} ${words[at + 2]} ${words[at + 3]} ${words[at + 4]}`);
  }
  return { name: "repetition", score: round(distinct.size / count), detail: "" };
}

/** Sources are what tools gave: ids and links. Named ones count, and a link that no tool gave counts against. */
function checkCitations({ text, toolCalls }: ScoredAnswer): QualityCheck {
  const given = toolCalls
    .filter((call) => !call.failed)
    .map((call) => call.result)
    .join("\n");
  const links = [...new Set(text.match(/https?:\/\/[^\s)\]"'>]+/g) ?? [])];
  const ids = [...given.matchAll(/"(?:id|url)"\s*:\s*"([^"]{2,200})"/g)].map(([, id]) => id ?? "");
  const named = new Set(ids.filter((id) => text.includes(`[${id}]`) || text.includes(`(${id})`) || links.includes(id)));
  const invented = links.filter((link) => !given.includes(link));
  const cited = named.size + invented.length;
  const score = cited === 0 ? 0 : named.size / cited;
  return {
    name: "citations",
    score: round(score),
    detail: `${named.size} of ${new Set(ids).size} named, ${invented.length} unknown`,
  };
}

function round(score: number): number {
  return Math.round(Math.min(1, Math.max(0, score)) * 1_000) / 1_000;
}
