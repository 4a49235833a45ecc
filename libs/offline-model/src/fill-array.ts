import { rankEnum } from "./choose-enum.ts";
import { summaryOf } from "./extract.ts";
import { reasonsOf } from "./fill-string.ts";
import type { Filled, Filling } from "./filling.ts";
import { fitString } from "./fit.ts";
import { isJsonObject, type Json, type JsonObject } from "./json.ts";
import { wantsSummary } from "./reply.ts";
import { readSchema, type Schema } from "./schema.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";

type FillValue = (raw: unknown, name: string, filling: Filling, depth: number) => Filled;

const CITATIONS = /citation|source|reference|cited|article/i;
const REASONS = /reason|finding|issue|problem|check|feedback|comment|note/i;
const LABELS = /tag|keyword|label|topic|term|quer(?:y|ies)|entit/i;
/** What is planned or thought about a text is each thing it asks for or says, in its order. */
const STEPS = /^(?:steps|plan|tasks|thoughts)$/i;
const MAX_STEPS = 8;
const MAX_LABELS = 5;
const MAX_POINTS = 5;
const MAX_ROWS = 50;
const MAX_MIN_ITEMS = 1000;
/** Objects in lists are left out below this depth, so that schemas that contain themselves end. */
const MAX_LIST_DEPTH = 4;
/** A further value of an enum is listed when it scores this share of the best. */
const SECOND_VALUE_SHARE = 0.6;

function texts(filling: Filling, name: string): string[] {
  const { conversation, purpose } = filling;
  if (LABELS.test(name) || purpose === "arguments")
    return conversation.keywords.slice(0, MAX_LABELS).map(({ word }) => word);
  if (STEPS.test(name)) return conversation.reading.sentences.slice(0, MAX_STEPS);
  if (CITATIONS.test(name)) return [...filling.answer().citations];
  if (REASONS.test(name) && (filling.review() !== undefined || filling.choices.length > 0)) return reasonsOf(filling);
  const { sources, reading } = conversation;
  const sentences =
    sources.length > 0 && !wantsSummary(conversation)
      ? sources.flatMap((source) => source.sentences)
      : reading.sentences;
  return summaryOf(sentences, MAX_POINTS);
}

function enumItems(filling: Filling, name: string, items: Schema): Json[] {
  const values = (items.values ?? []).filter((value) => typeof value === "string");
  if (values.length === 0) return [...(items.values ?? [])].slice(0, 1);
  const ranked = rankEnum(name, items.description, values, filling.conversation);
  const best = ranked[0];
  if (best === undefined || best.hits.length === 0) return [];
  filling.choices.push(best);
  return ranked
    .filter(({ score, hits }) => hits.length > 0 && score >= best.score * SECOND_VALUE_SHARE)
    .map(({ value }) => value);
}

/** Objects in the user's data that have the properties an item asks for. */
function rowsFor(items: Schema, tree: Json | undefined, depth = 0): JsonObject[] {
  if (typeof tree !== "object" || tree === null || depth > MAX_LIST_DEPTH) return [];
  const children = Array.isArray(tree) ? tree : Object.values(tree);
  const fitting = Array.isArray(tree)
    ? tree.filter(isJsonObject).filter((row) => [...items.properties.keys()].some((key) => Object.hasOwn(row, key)))
    : [];
  if (fitting.length > 0) return fitting.slice(0, MAX_ROWS);
  return children.flatMap((child) => rowsFor(items, child, depth + 1)).slice(0, MAX_ROWS);
}

function objectItems(
  raw: unknown,
  items: Schema,
  name: string,
  filling: Filling,
  depth: number,
  fillValue: FillValue,
): Json[] {
  if (depth > MAX_LIST_DEPTH) return [];
  return rowsFor(items, filling.conversation.reading.tree).map((row) => {
    const fields = Object.entries(row).flatMap(([key, value]) =>
      typeof value === "object" && value !== null ? [] : [{ key, path: [key], value }],
    );
    return fillValue(raw, name, { ...filling, fields }, depth + 1).value;
  });
}

function different(value: Json, taken: readonly Json[], items: Schema): Json {
  const texts = new Set(taken.map((item) => JSON.stringify(item)));
  if (!texts.has(JSON.stringify(value))) return value;
  for (const other of items.values ?? []) if (!texts.has(JSON.stringify(other))) return other;
  for (let count = 2; count <= taken.length + 2; count += 1) {
    const other =
      typeof value === "number"
        ? value + count - 1
        : typeof value === "string"
          ? fitString(`${count} ${value}`, items)
          : value;
    if (!texts.has(JSON.stringify(other))) return other;
  }
  return value;
}

function sized(values: readonly Json[], schema: Schema, items: Schema, more: () => Json): Json[] {
  if (schema.minItems > MAX_MIN_ITEMS) throw new UnsupportedByOfflineModel(`schema minItems ${schema.minItems}`);
  const sized: Json[] = [];
  const seen = new Set<string>();
  for (const value of values) {
    const text = JSON.stringify(value);
    if (sized.length < schema.maxItems && !seen.has(text)) sized.push(value);
    seen.add(text);
  }
  while (sized.length < schema.minItems) {
    const value = more();
    sized.push(schema.uniqueItems ? different(value, sized, items) : value);
  }
  return sized;
}

/** Fills an array: citations, reasons, labels, points, enum values, or the objects of the user's data. */
export function fillArray(filling: Filling, name: string, schema: Schema, depth: number, fillValue: FillValue): Filled {
  const items = readSchema(schema.items, filling.root);
  const singular = name.replace(/ies$/, "y").replace(/s$/, "");
  const [type] = items.types;
  function one(): Json {
    return fillValue(schema.items, singular, filling, depth + 1).value;
  }
  const isPlainText =
    (type === "string" || type === undefined) &&
    items.branches.length === 0 &&
    items.pattern === "" &&
    items.format === "";
  let values: Json[] = [];
  if (items.values !== undefined) values = enumItems(filling, name, items);
  else if (type === "object") values = objectItems(schema.items, items, singular, filling, depth, fillValue);
  else if (isPlainText) values = texts(filling, name).map((text) => fitString(text, items));
  else if (depth <= MAX_LIST_DEPTH) {
    const filled = fillValue(schema.items, singular, filling, depth + 1);
    values = filled.found ? [filled.value] : [];
  }
  const found = values.length > 0;
  return { value: sized(values, schema, items, one), found };
}
