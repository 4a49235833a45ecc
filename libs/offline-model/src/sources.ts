import { isHostile } from "./hostile.ts";
import { isJsonObject, type Json, type JsonObject, parseJson } from "./json.ts";
import { cleanSentences } from "./sentences.ts";

/** A piece of reference text an answer may quote. */
export type Source = {
  /** The id it can be cited by, where its JSON has one. */
  readonly id: string | undefined;
  readonly title: string;
  readonly sentences: readonly string[];
  /** Whether it is a record, such as a row or a computed value, and no running text. */
  readonly isRecord?: boolean;
};

const MAX_SOURCES = 100;
const MAX_DEPTH = 6;
const MAX_SOURCE_CHARS = 20_000;
const TEXT_KEYS = ["excerpt", "text", "content", "body", "snippet", "answer", "summary", "description"];

function textOf(value: JsonObject): string {
  for (const key of TEXT_KEYS) {
    const text = value[key];
    if (typeof text === "string" && text !== "") return text;
  }
  return "";
}

/** "Plan is pro." sentences for a record without running text. */
function sentencesOfRecord(value: JsonObject): string[] {
  return Object.entries(value).flatMap(([key, item]) => {
    if (typeof item === "object" || item === "" || key === "found") return [];
    const sentence = `${key.replaceAll("_", " ")}: ${String(item)}.`;
    return sentence.length > 300 || isHostile(sentence) ? [] : [sentence];
  });
}

function sourceOf(value: JsonObject, isDocument: boolean): Source | undefined {
  const text = textOf(value);
  const title = typeof value.title === "string" && !isHostile(value.title.slice(0, 300)) ? value.title : "";
  const id = value.id;
  const isRecord = text === "" && !isDocument;
  const sentences = isRecord ? sentencesOfRecord(value) : readableSentences(text);
  if (sentences.length === 0 && title === "") return undefined;
  return { id: typeof id === "string" || typeof id === "number" ? String(id) : undefined, title, sentences, isRecord };
}

/** The clean sentences of an excerpt; a last one cut short is dropped when others remain. */
function readableSentences(text: string): readonly string[] {
  const { sentences } = cleanSentences(text.slice(0, MAX_SOURCE_CHARS));
  const last = sentences.at(-1) ?? "";
  const isCut = text.length > MAX_SOURCE_CHARS || /(?:…|\.\.\.)$/.test(last);
  return isCut && sentences.length > 1 ? sentences.slice(0, -1) : sentences;
}

function collect(value: Json, depth: number, isTool: boolean, into: Source[]): void {
  if (depth > MAX_DEPTH || into.length >= MAX_SOURCES) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, depth + 1, isTool, into);
    return;
  }
  if (!isJsonObject(value)) {
    if (isTool && typeof value === "string" && value !== "")
      into.push({ id: undefined, title: "", sentences: readableSentences(value) });
    return;
  }
  const isDocument = "id" in value && (textOf(value) !== "" || "title" in value);
  const nested = Object.values(value).filter((item) => typeof item === "object" && item !== null);
  if (isDocument || (isTool && nested.length === 0)) {
    const source = sourceOf(value, isDocument);
    if (source !== undefined) into.push(source);
  } else {
    for (const item of nested) collect(item, depth + 1, isTool, into);
  }
}

/** The sources in a tool's answer: documents in its JSON, records, or plain text. */
export function sourcesOfTool(content: string): Source[] {
  const sources: Source[] = [];
  const tree = parseJson(content) ?? content;
  if (isJsonObject(tree) && tree.found === false) return sources;
  collect(tree, 0, true, sources);
  return sources;
}

/** The documents (objects with an id and a text, in lists) that a user message brings along. */
export function sourcesOfMessage(tree: Json | undefined): Source[] {
  const sources: Source[] = [];
  if (isJsonObject(tree)) {
    for (const [key, value] of Object.entries(tree)) {
      if (Array.isArray(value) && !/^(?:draft|citations|messages)$/.test(key)) collect(value, 1, false, sources);
    }
  } else if (Array.isArray(tree)) collect(tree, 0, false, sources);
  return sources;
}
