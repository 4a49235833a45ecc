import { embeddedJson, isJsonObject, type Json, type JsonObject, parseJson } from "./json.ts";
import { cleanSentences } from "./sentences.ts";
import { nameWords, wordsOf } from "./words.ts";

/** A named value in a text: a JSON property or a `key: value` line. */
export type Field = {
  readonly key: string;
  readonly path: readonly string[];
  readonly value: string | number | boolean | null;
};

/** What was read from one user message. */
export type Reading = {
  /** The subject or title, cleaned; may be empty. */
  readonly subject: string;
  /** Sentences of the running text, tries to instruct the model left out. */
  readonly sentences: readonly string[];
  readonly fields: readonly Field[];
  /** The message's JSON, where it is or holds one. */
  readonly tree: Json | undefined;
  /** An answer given for review, and the ids it cites. */
  readonly draft: Draft | undefined;
  /** How many sentences tried to instruct the model. */
  readonly hostile: number;
  /** Fields and text in one, for finding numbers, ids and dates by the words beside them. */
  readonly searchable: string;
};

export type Draft = { readonly text: string; readonly citations: readonly string[] };

/** Of a longer message, the head and the tail are read; every character is still counted as tokens. */
const MAX_READ_CHARS = 48_000;
const TAIL_CHARS = 4_000;
const MAX_FIELDS = 1000;
const MAX_DEPTH = 12;

const TEXT_KEY =
  /^(?:body|text|message|description|content|comment|question|query|input|request|details|note|notes|prompt|task|issue|problem|feedback|review|email_body|summary|excerpt)$/i;
const SUBJECT_KEY = /^(?:subject|title|headline|topic|ticket_subject|ticketSubject)$/i;
const DRAFT_KEY =
  /^(?:draft|draft_?(?:answer|reply|response|text)|proposed_?(?:answer|reply|response)|answer|reply|response)$/i;
const CITATION_KEY = /^(?:citations?|sources?|references?|source_?ids|cited)$/i;
const KEY_LINE = /^([A-Za-z][\w-]{0,40}(?: [A-Za-z][\w-]{0,20})?)\s*[:=]\s*(\S.*)$/;
const META_KEY =
  /_|^(?:id|from|to|cc|date|sent|email|e-mail|mail|phone|name|customer|plan|tier|locale|language|lang|channel|order|product|created|updated|status|source|account|version|user|username|subject|title)$|\b(?:id|number|no|code|date)$/i;

function clip(text: string): string {
  return text.length <= MAX_READ_CHARS
    ? text
    : `${text.slice(0, MAX_READ_CHARS - TAIL_CHARS)}\n\n${text.slice(-TAIL_CHARS)}`;
}

type Collected = {
  fields: Field[];
  subjects: string[];
  texts: string[];
  drafts: string[];
  citations: string[];
  hasTextKey: boolean;
};

function collectLeaf(
  key: string,
  path: readonly string[],
  value: string | number | boolean | null,
  into: Collected,
): void {
  if (into.fields.length < MAX_FIELDS)
    into.fields.push({ key, path, value: typeof value === "string" ? clip(value) : value });
  into.hasTextKey ||= TEXT_KEY.test(key) || SUBJECT_KEY.test(key);
  if (typeof value !== "string" || value === "") return;
  if (SUBJECT_KEY.test(key)) into.subjects.push(value);
  else if (TEXT_KEY.test(key) || wordsOf(value.slice(0, 200)).length >= 5) into.texts.push(value);
}

function collectDraft(value: Json, into: Collected): boolean {
  if (typeof value === "string") {
    const nested = value.startsWith("{") ? parseJson(value) : undefined;
    if (isJsonObject(nested)) return collectDraft(nested, into);
    into.drafts.push(value);
    return true;
  }
  if (!isJsonObject(value)) return false;
  for (const [key, part] of Object.entries(value)) {
    if (CITATION_KEY.test(key)) into.citations.push(...idsOf(part));
    else if (typeof part === "string") into.drafts.push(part);
  }
  return true;
}

/** The ids in a list of ids or of objects with an id. */
export function idsOf(value: Json): string[] {
  const list = Array.isArray(value) ? value : [value];
  return list.flatMap((item) => {
    const id = isJsonObject(item) ? (item.id ?? item.source) : item;
    return typeof id === "string" || typeof id === "number" ? [String(id)] : [];
  });
}

function collect(value: Json, path: readonly string[], into: Collected): void {
  const key = path.at(-1) ?? "";
  if (path.length > MAX_DEPTH || into.fields.length >= MAX_FIELDS) return;
  if (DRAFT_KEY.test(key) && value !== null && collectDraft(value, into)) return;
  if (Array.isArray(value)) {
    if (CITATION_KEY.test(key)) into.citations.push(...idsOf(value.filter((item) => typeof item === "string")));
    for (const item of value) collect(item, path, into);
  } else if (isJsonObject(value)) {
    collectObject(value, path, into);
  } else {
    const nested = typeof value === "string" && /^\s*[{[]/.test(value) ? parseJson(value) : undefined;
    if (typeof nested === "object" && nested !== null) collect(nested, [...path, ""], into);
    else collectLeaf(key, path, value, into);
  }
}

function collectObject(value: JsonObject, path: readonly string[], into: Collected): void {
  // Reference material beside the message (articles, search results) is read as sources, not as the message.
  const isSource = typeof value.id === "string" && ("excerpt" in value || ("title" in value && "text" in value));
  for (const [key, item] of Object.entries(value)) {
    if (!(isSource && /^(?:excerpt|text|title|content)$/.test(key))) collect(item, [...path, key], into);
  }
}

function collectLines(text: string, into: Collected): void {
  const prose: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const [, key = "", value = ""] = line.length <= 2000 ? (KEY_LINE.exec(line.trim()) ?? []) : [];
    if (key === "") {
      prose.push(line);
      continue;
    }
    if (into.fields.length < MAX_FIELDS) into.fields.push({ key, path: [key], value: scalar(value) });
    if (SUBJECT_KEY.test(key)) into.subjects.push(value);
    else if (TEXT_KEY.test(key)) prose.push(value);
    else if (!META_KEY.test(key)) prose.push(line);
  }
  into.texts.push(prose.join("\n"));
}

function scalar(text: string): string | number | boolean | null {
  const value = text.trim().replace(/^(["'])(.*)\1$/, "$2");
  if (/^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,10})?$/.test(value)) return Number(value);
  if (value === "true" || value === "false") return value === "true";
  return value === "null" ? null : value;
}

/** Reads a user message: JSON, text with JSON inside, `key: value` lines, prose, or a mix. */
export function readText(text: string): Reading {
  const found = embeddedJson(text);
  const into: Collected = { fields: [], subjects: [], texts: [], drafts: [], citations: [], hasTextKey: false };
  if (found === undefined) collectLines(clip(text), into);
  else {
    const around = [found.before, found.after].map((part) =>
      clip(part)
        .replace(/```\w*/g, "")
        .trim(),
    );
    for (const part of around) if (part !== "") collectLines(part, into);
    collect(found.value, [], into);
    if (into.texts.length === 0 && into.subjects.length === 0 && !into.hasTextKey) {
      into.texts.push(into.fields.flatMap(({ value }) => (typeof value === "string" ? [value] : [])).join("\n"));
    }
  }
  const subject = cleanSentences(clip(into.subjects.join("\n")));
  const body = cleanSentences(clip(into.texts.join("\n\n")));
  const sentences = body.sentences;
  const lines = into.fields.filter(({ value }) => String(value).length <= 200).map((field) => fieldLine(field));
  return {
    subject: subject.sentences.join(" "),
    sentences,
    fields: into.fields,
    tree: found?.value,
    draft: into.drafts.length === 0 ? undefined : { text: clip(into.drafts.join("\n")), citations: into.citations },
    hostile: subject.hostile + body.hostile,
    searchable: [...lines, subject.sentences.join(" "), ...sentences].join("\n"),
  };
}

function fieldLine({ path, value }: Field): string {
  return `${nameWords(path.slice(-2).join(" ")).join(" ")}: ${String(value)}`;
}
