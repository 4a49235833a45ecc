import type { ChatMessage, ChatRequest, ToolCall } from "./chat.ts";
import { type Keyword, keywordsOf } from "./keywords.ts";
import { type Reading, readText } from "./reading.ts";
import { sentencesOf } from "./sentences.ts";
import { type Source, sourcesOfMessage, sourcesOfTool } from "./sources.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";
import { type Bag, bagOf } from "./words.ts";

/** A request as the model understands it. */
export type Conversation = {
  /** What system and developer messages say. Followed, never quoted. */
  readonly instructions: string;
  readonly instructionSentences: readonly string[];
  /** The latest user message. */
  readonly reading: Reading;
  /** Its words, those of the subject twice. */
  readonly bag: Bag;
  readonly keywords: readonly Keyword[];
  /** Sentences of earlier user messages, latest message first. */
  readonly earlier: readonly string[];
  /** Calls made since the latest user message. */
  readonly calls: readonly ToolCall[];
  /** What tools answered since then, then what came with the message. */
  readonly sources: readonly Source[];
  readonly hasToolResults: boolean;
};

const MAX_KEYWORDS = 12;
const MAX_EARLIER_MESSAGES = 20;
const MAX_EARLIER_CHARS = 4000;
const MAX_EARLIER_SENTENCES = 400;
const MAX_INSTRUCTION_CHARS = 32_000;
const MAX_TOOL_MESSAGES = 32;

/** A caller asking again because the last output was not valid speaks about the output, not about the matter. */
const REPAIR =
  /\b(?:not valid json|invalid json|(?:did|does) not (?:match|validate|conform|fit)|validation (?:failed|errors?)|match the schema|must have required property)\b/i;

/** The text of a message; parts that are not text are refused. */
export function textOf(message: ChatMessage, index: number): string {
  const { content } = message;
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  return content
    .map((part, at) => {
      if (part.type !== "text" && part.type !== "refusal") {
        throw new UnsupportedByOfflineModel(`messages[${index}].content[${at}]: ${part.type}`);
      }
      return part.text ?? part.refusal ?? "";
    })
    .join("\n");
}

/** The user message to answer: the latest that is not about a failed output; -1 where there is none. */
function questionIndex(messages: readonly ChatMessage[], texts: readonly string[]): number {
  const users = messages.flatMap((message, index) => (message.role === "user" ? [index] : []));
  const subject = users.findLast((index) => !REPAIR.test((texts[index] ?? "").slice(0, 2000)));
  return subject ?? users.at(-1) ?? -1;
}

/** Reads a request; throws {@link UnsupportedByOfflineModel} for parts that are not text. */
export function readRequest(request: ChatRequest): Conversation {
  const { messages } = request;
  const texts = messages.map(textOf);
  const at = questionIndex(messages, texts);
  const reading = readText(texts[at] ?? "");
  const after = messages.map((message, index) => ({ message, index })).filter(({ index }) => index > at);
  const results = after
    .filter(({ message }) => message.role === "tool")
    .slice(-MAX_TOOL_MESSAGES)
    .map(({ index }) => texts[index] ?? "");
  const instructions = messages
    .flatMap(({ role }, index) => (role === "system" || role === "developer" ? [texts[index] ?? ""] : []))
    .join("\n\n")
    .slice(0, MAX_INSTRUCTION_CHARS);
  const earlier = messages
    .flatMap(({ role }, index) => (role === "user" && index < at ? [texts[index] ?? ""] : []))
    .slice(-MAX_EARLIER_MESSAGES)
    .reverse()
    .flatMap((text) => readText(text.slice(0, MAX_EARLIER_CHARS)).sentences);
  const body = reading.sentences.join("\n");
  return {
    instructions,
    instructionSentences: sentencesOf(instructions),
    reading,
    bag: bagOf([
      { text: reading.subject, weight: 2 },
      { text: body, weight: 1 },
    ]),
    keywords: keywordsOf(reading.subject, body, MAX_KEYWORDS),
    earlier: earlier.slice(0, MAX_EARLIER_SENTENCES),
    calls: after.flatMap(({ message }) => message.tool_calls ?? []),
    sources: [...results.flatMap(sourcesOfTool), ...sourcesOfMessage(reading.tree)],
    hasToolResults: results.length > 0,
  };
}
