import { type Extract, extractFrom, summaryOf } from "./extract.ts";
import { isHostile } from "./hostile.ts";
import { keywordsOf } from "./keywords.ts";
import type { Conversation } from "./read-request.ts";
import type { Source } from "./sources.ts";

/** A plain-text answer and the sources it quotes. */
export type Answer = {
  readonly text: string;
  /** Ids of the sources quoted, in order of use. */
  readonly citations: readonly string[];
  /** Whether anything was found to answer with. */
  readonly found: boolean;
};

const ASKS_FOR_REPLY =
  /\b(?:reply|replies|greet|greeting|polite|politely|courteous|friendly|respond to|write to|draft|email|letter)\b/i;
const ASKS_FOR_SUMMARY = /\b(?:summar(?:y|ies|i[sz]e[sd]?|i[sz]ing)|tl;?dr|in short|sum up|key points)\b/i;
const ASKS_FOR_MARKS = /\b(?:inline|in brackets|square brackets|\[id\]|in the text|after each)\b/i;
const SUMMARY_SENTENCES = 3;
const INTRODUCTION =
  "I am embedded/lexical-1, an offline model: I choose and call tools, fill schemas, extract and summarise from the text I am given. I know nothing beyond it.";
const NOTHING_FOUND =
  "We could not find an article that answers this, so a colleague will look into it and get back to you.";

/** Whether the conversation asks for a summary rather than an answer. */
export function wantsSummary({ instructions, reading }: Conversation): boolean {
  return ASKS_FOR_SUMMARY.test(instructions) || ASKS_FOR_SUMMARY.test(reading.sentences.join(" ").slice(0, 2000));
}

const NAME_KEY =
  /^(?:customer_?name|first_?name|full_?name|requester(?:_name)?|contact_?name|from_?name|name|sender)$/i;

function greetingName({ reading }: Conversation): string {
  for (const { key, value } of reading.fields) {
    if (!NAME_KEY.test(key) || typeof value !== "string" || isHostile(value)) continue;
    if (/^\p{Lu}[\p{L}'’-]{1,20}(?: [\p{L}'’.-]{1,20}){0,3}$/u.test(value)) return ` ${value.split(" ")[0] ?? ""}`;
  }
  return "";
}

function asReply(conversation: Conversation, body: string, found: boolean): string {
  const closing = found ? "If this does not solve it, just reply to this message and we will look again." : "";
  const thanks = "Thank you for writing to us.";
  return [`Hello${greetingName(conversation)},`, `${thanks} ${body}`, closing, "Kind regards"]
    .filter((part) => part !== "")
    .join("\n\n");
}

/** The question's own text as a source of last resort: its statements, and what the user said before. */
function ownSource({ reading, earlier }: Conversation): Source {
  const statements = reading.sentences.filter((sentence) => !sentence.endsWith("?"));
  return { id: undefined, title: "", sentences: [...statements, ...earlier] };
}

function questionKeywords(conversation: Conversation): Conversation["keywords"] {
  const questions = conversation.reading.sentences.filter((sentence) => sentence.endsWith("?"));
  return questions.length === 0 ? conversation.keywords : keywordsOf("", questions.join(" "), 12);
}

function endSentence(text: string): string {
  return /[.!?…:;)"。！？]$/u.test(text) ? text : `${text}.`;
}

/** What the words of the question find; else the one record a tool answered: it was looked up or computed for this. */
function quoted({ sources, keywords, hasToolResults }: Conversation): Extract {
  const found = extractFrom(sources, keywords);
  const [only, ...others] = sources;
  if (found.passages.length > 0 || !hasToolResults || !only?.isRecord || others.length > 0) return found;
  return { passages: [{ source: only, sentences: only.sentences.slice(0, SUMMARY_SENTENCES) }] };
}

/** Answers from tool results and given articles; where there are none, from what the user wrote. */
export function composeAnswer(conversation: Conversation): Answer {
  const hasSources = conversation.sources.length > 0;
  const isReply = ASKS_FOR_REPLY.test(conversation.instructions);
  if (!hasSources && (conversation.hasToolResults || isReply)) {
    return { text: isReply ? asReply(conversation, NOTHING_FOUND, false) : NOTHING_FOUND, citations: [], found: false };
  }
  const { passages } = hasSources
    ? quoted(conversation)
    : extractFrom([ownSource(conversation)], questionKeywords(conversation));
  const marks = ASKS_FOR_MARKS.test(conversation.instructions);
  const parts = passages.map(({ source, sentences }) => {
    const mark = marks && source.id !== undefined ? ` [${source.id}]` : "";
    return `${sentences.map(endSentence).join(" ")}${mark}`;
  });
  const found = parts.length > 0;
  const body = found ? parts.join(isReply ? "\n\n" : " ") : hasSources ? NOTHING_FOUND : INTRODUCTION;
  const ids = passages.flatMap(({ source }) => (source.id === undefined ? [] : [source.id]));
  return { text: isReply ? asReply(conversation, body, found) : body, citations: [...new Set(ids)], found };
}

/** A summary of the tool results, or of the user's text where there are none. */
export function composeSummary(conversation: Conversation): string {
  const { reading, sources } = conversation;
  const text = sources.length > 0 ? sources.flatMap(({ sentences }) => sentences) : withoutTheAsking(reading.sentences);
  const picked = summaryOf(text, SUMMARY_SENTENCES);
  return picked.length > 0 ? picked.map(endSentence).join(" ") : reading.subject;
}

/** Without the request for a summary itself; of "Summarise this: …", what follows the colon. */
function withoutTheAsking(sentences: readonly string[]): readonly string[] {
  const rest = sentences.flatMap((sentence) => {
    const colon = sentence.indexOf(":");
    if (!ASKS_FOR_SUMMARY.test(sentence.slice(0, 120))) return [sentence];
    if (colon > 0 && colon < 120 && colon + 1 < sentence.length) return [sentence.slice(colon + 1).trim()];
    return sentence.length < 120 ? [] : [sentence];
  });
  return rest.length > 0 ? rest : sentences;
}
