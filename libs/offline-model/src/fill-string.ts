import { chooseEnum } from "./choose-enum.ts";
import type { Filled, Filling } from "./filling.ts";
import {
  findArithmetic,
  findByFormat,
  findByPattern,
  findField,
  findIdentifier,
  findProperName,
} from "./find-value.ts";
import { fitString } from "./fit.ts";
import { isHostile } from "./hostile.ts";
import { languageOf } from "./language.ts";
import { type Family, familyNamed } from "./lexicons.ts";
import { composeSummary } from "./reply.ts";
import type { Schema } from "./schema.ts";
import { contentStems } from "./words.ts";

const UNKNOWN = "unknown";
const MAX_TEXT_ARGUMENT_CHARS = 2000;
const MAX_TITLE_CHARS = 80;
const QUERY_WORDS = 8;

const QUERY = /^(?:q|query|queries|search|search_?(?:query|term|text)|keywords?|terms?|phrase)$/i;
const WHOLE_TEXT = /^(?:text|message|question|input|prompt|content|body|document|statement)$/i;
const REPLY = /answer|reply|response|draft|^(?:message|body|text|content|output|result)$/i;
const SUMMARY = /summary|tl_?dr|overview|abstract|synopsis|^description$/i;
const TITLE = /^(?:title|subject|headline)$/i;
const REASON = /reason|rationale|explanation|justification|feedback|comment|notes?$/i;
const IDENTIFIER = /(?:^|_)(?:id|ids|number|no|code|ref|reference|sku|key|uuid)$|[a-z](?:Id|Number|No|Code|Ref|Key)$/;
const IDENTIFIER_TEXT = /\b(?:id|identifier|number|code|reference)\b/i;

function lookedUp(filling: Filling, name: string): string | undefined {
  const value = findField(filling.fields, name)?.value;
  if (value === undefined || value === null) return undefined;
  const text = String(value);
  return isHostile(text.slice(0, 1000)) ? undefined : text;
}

function subjectLine({ conversation }: Filling): string {
  const { reading, keywords } = conversation;
  if (reading.subject !== "") return reading.subject;
  const first = reading.sentences[0] ?? "";
  if (first !== "" && first.length <= MAX_TITLE_CHARS) return first.replace(/[.!?]+$/, "");
  const words = keywords
    .slice(0, 6)
    .map(({ word }) => word)
    .join(" ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Why the choices were made: the words that spoke for them, or what the review found. */
export function reasonsOf(filling: Filling): string[] {
  const review = filling.review();
  if (review !== undefined) return [...review.findings];
  const { keywords } = filling.conversation;
  return filling.choices.map(({ name, value, hits }) => {
    const words = hits.slice(0, 4).map((hit) => keywords.find(({ stem }) => stem === hit)?.word ?? hit);
    return words.length === 0
      ? `${name} ${value}: no word speaks for another.`
      : `${name} ${value}: ${words.join(", ")}.`;
  });
}

/** The user's sentence that shares most words with a property's name and description. */
function sentenceAbout({ conversation }: Filling, name: string, description: string): string | undefined {
  const wanted = new Set(contentStems(`${name.replaceAll("_", " ")} ${description}`));
  let best: string | undefined;
  let most = 0;
  for (const sentence of conversation.reading.sentences.slice(0, 200)) {
    const shared = new Set(contentStems(sentence).filter((root) => wanted.has(root))).size;
    if (shared > most) {
      most = shared;
      best = sentence;
    }
  }
  return best;
}

function searchWords({ conversation }: Filling): string {
  const { keywords, reading } = conversation;
  const strongest = keywords.toSorted((a, b) => b.weight - a.weight).slice(0, QUERY_WORDS);
  const words = keywords.filter((keyword) => strongest.includes(keyword)).map(({ word }) => word);
  return words.length > 0 ? words.join(" ") : reading.subject || (reading.sentences[0] ?? "");
}

const EXPRESSION = /^(?:expression|formula|arithmetic)$/i;

function argument(filling: Filling, name: string, description: string): string | undefined {
  const { reading } = filling.conversation;
  if (EXPRESSION.test(name)) return findArithmetic(reading.searchable);
  if (QUERY.test(name)) return searchWords(filling);
  if (WHOLE_TEXT.test(name))
    return [reading.subject, ...reading.sentences]
      .filter((part) => part !== "")
      .join(" ")
      .slice(0, MAX_TEXT_ARGUMENT_CHARS);
  if (TITLE.test(name)) return subjectLine(filling);
  const known = lookedUp(filling, name) ?? byName(filling, name);
  if (known !== undefined) return known;
  const identifier = findIdentifier(reading.searchable, name);
  if (identifier !== undefined || IDENTIFIER.test(name) || IDENTIFIER_TEXT.test(description)) return identifier;
  return searchWords(filling);
}

/** Values a name alone calls for: language, email, places and names. */
function byName({ conversation: { reading } }: Filling, name: string): string | undefined {
  if (/lang|locale/i.test(name)) return languageOf([reading.subject, ...reading.sentences].join(" ")).code;
  if (/e_?mail$/i.test(name)) return findByFormat(reading.searchable, "email", name);
  if (/url$|^link$/i.test(name)) return findByFormat(reading.searchable, "uri", name);
  return findProperName(reading.sentences.join(" "), name);
}

/** A category, priority or sentiment asked for without an enum takes the built-in names. */
function freeTextFamily(name: string): Family | undefined {
  if (/^(?:category|topic|class|classification|intent)$/i.test(name)) return familyNamed("topic");
  if (/^(?:priority|urgency|severity)$/i.test(name)) return familyNamed("priority");
  return /^(?:sentiment|tone|mood)$/i.test(name) ? familyNamed("sentiment") : undefined;
}

function output(filling: Filling, name: string, description: string): string | undefined {
  const { conversation } = filling;
  if (SUMMARY.test(name)) return composeSummary(conversation);
  if (TITLE.test(name)) return subjectLine(filling);
  if (REASON.test(name) && (filling.choices.length > 0 || filling.review() !== undefined))
    return reasonsOf(filling).join(" ");
  if (REPLY.test(name) || REASON.test(name)) return filling.answer().text;
  const known = lookedUp(filling, name) ?? byName(filling, name);
  if (known !== undefined) return known;
  if (IDENTIFIER.test(name)) return findIdentifier(conversation.reading.searchable, name);
  const family = freeTextFamily(name);
  if (family !== undefined) {
    const choice = chooseEnum(name, description, [...family.concepts.keys()], conversation);
    filling.choices.push(choice);
    return choice.value;
  }
  return sentenceAbout(filling, name, description);
}

function constrained({ conversation }: Filling, name: string, schema: Schema): string | undefined {
  const { searchable } = conversation.reading;
  if (schema.pattern !== "") return findByPattern(searchable, schema.pattern, name);
  return findByFormat(searchable, schema.format, name);
}

/**
 * Fills a string. Values with a `pattern` or a known `format` are found in the text, never made up: where none is found
 * the value is "unknown".
 */
export function fillString(filling: Filling, name: string, schema: Schema): Filled {
  const isConstrained =
    schema.pattern !== "" || /^(?:email|uri|url|uuid|date|date-time|time|ipv4)$/.test(schema.format);
  const text = isConstrained
    ? (matchingField(filling, name, schema) ?? constrained(filling, name, schema))
    : filling.purpose === "arguments"
      ? argument(filling, name, schema.description)
      : output(filling, name, schema.description);
  const found = text !== undefined && text !== "";
  return { value: fitString(found ? text : UNKNOWN, schema), found };
}

function matchingField(filling: Filling, name: string, schema: Schema): string | undefined {
  const value = lookedUp(filling, name);
  if (value === undefined || value.length > 200) return undefined;
  const kept =
    schema.pattern !== "" ? findByPattern(value, schema.pattern, "") : findByFormat(value, schema.format, "");
  return kept === undefined ? undefined : value;
}
