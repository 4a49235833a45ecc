import { chooseEnum } from "./choose-enum.ts";
import { fillArray } from "./fill-array.ts";
import { fillBoolean, fillNumber } from "./fill-number.ts";
import { fillString } from "./fill-string.ts";
import { countNode, type Filled, type Filling, startFilling } from "./filling.ts";
import { findNumber } from "./find-value.ts";
import type { Json } from "./json.ts";
import type { Conversation } from "./read-request.ts";
import { readSchema, type Schema, type SchemaType } from "./schema.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";

const MAX_DEPTH = 32;
/** Below this depth only required properties are filled, and null is taken where allowed: recursive schemas end. */
const MAX_OPTIONAL_DEPTH = 4;

/**
 * Properties are filled in four rounds, so that later ones can lean on earlier ones: enums; texts, lists and objects;
 * numbers (a confidence needs the choices); booleans (an approval needs the score).
 */
function roundOf(schema: Schema, root: unknown): number {
  const inner = schema.branches.length > 0 ? readSchema(schema.branches[0], root) : schema;
  if (inner.values !== undefined) return 0;
  const type = inner.types.find((candidate) => candidate !== "null");
  if (type === "number" || type === "integer") return 2;
  return type === "boolean" ? 3 : 1;
}

function fillObject(filling: Filling, schema: Schema, depth: number): Filled {
  const names = new Set([...schema.properties.keys(), ...schema.required]);
  const ordered = [...names]
    .filter((name) => depth <= MAX_OPTIONAL_DEPTH || schema.required.has(name))
    .map((name) => ({ name, raw: schema.properties.get(name) }))
    .map(({ name, raw }) => ({ name, raw, round: roundOf(readSchema(raw, filling.root), filling.root) }))
    .sort((a, b) => a.round - b.round);
  const filled = new Map<string, Filled>();
  for (const { name, raw } of ordered) {
    const value = fillValue(raw, name, filling, depth + 1);
    const isRequired = schema.required.has(name);
    if (isRequired && !value.found && depth === 0) filling.missing.push(name);
    if (isRequired || value.found) filled.set(name, value);
  }
  const entries = [...names].flatMap((name) => {
    const part = filled.get(name);
    return part === undefined ? [] : [[name, part.value] as const];
  });
  return { value: Object.fromEntries(entries), found: [...filled.values()].some(({ found }) => found) };
}

function fillEnum(filling: Filling, name: string, schema: Schema, values: readonly Json[]): Filled {
  const [first = null] = values;
  if (values.length === 1) return { value: first, found: true };
  const texts = values.filter((value) => typeof value === "string");
  if (texts.length > 0) {
    const choice = chooseEnum(name, schema.description, texts, filling.conversation);
    const found = choice.hits.length > 0 || choice.family === "language";
    if (!found && values.includes(null)) return { value: null, found: false };
    if (!found && schema.fallback !== undefined && values.includes(schema.fallback))
      return { value: schema.fallback, found };
    filling.choices.push(choice);
    return { value: choice.value, found: found || filling.purpose === "output" };
  }
  const number = findNumber(filling.conversation.reading.searchable, name, schema.description, 0, false);
  const match = values.find((value) => value === number);
  return match === undefined ? { value: schema.fallback ?? first, found: false } : { value: match, found: true };
}

function fillType(filling: Filling, name: string, schema: Schema, type: SchemaType | undefined, depth: number): Filled {
  switch (type) {
    case "object":
      return fillObject(filling, schema, depth);
    case "array":
      return fillArray(filling, name, schema, depth, fillValue);
    case "number":
    case "integer":
      return fillNumber(filling, name, schema, type === "integer");
    case "boolean":
      return fillBoolean(filling, name, schema);
    case "null":
      return { value: null, found: false };
    case "string":
    case undefined:
      return fillString(filling, name, schema);
  }
}

/** The first alternative the text speaks for; else null where allowed; else the first. */
function firstFound(alternatives: readonly (() => Filled)[], allowsNull: boolean, depth: number): Filled {
  if (allowsNull && depth > MAX_OPTIONAL_DEPTH) return { value: null, found: false };
  let first: Filled | undefined;
  for (const alternative of alternatives) {
    const filled = alternative();
    if (filled.found) return filled;
    first ??= filled;
  }
  return allowsNull || first === undefined ? { value: null, found: false } : first;
}

function fillValue(raw: unknown, name: string, filling: Filling, depth: number): Filled {
  if (depth > MAX_DEPTH) throw new UnsupportedByOfflineModel(`a schema nested deeper than ${MAX_DEPTH} levels`);
  countNode(filling);
  const schema = readSchema(raw, filling.root);
  if (schema.branches.length > 0) {
    const isNull = schema.branches.map((branch) => readSchema(branch, filling.root).types.join() === "null");
    const branches = schema.branches.filter((_, index) => isNull[index] !== true);
    const alternatives = branches.map((branch) => () => fillValue(branch, name, filling, depth + 1));
    return firstFound(alternatives, isNull.includes(true), depth);
  }
  if (schema.values !== undefined) return fillEnum(filling, name, schema, schema.values);
  const types = schema.types.filter((type) => type !== "null");
  if (types.length !== schema.types.length || types.length > 1) {
    const alternatives = types.map((type) => () => fillType(filling, name, schema, type, depth));
    return firstFound(alternatives, types.length !== schema.types.length, depth);
  }
  const filled = fillType(filling, name, schema, types[0], depth);
  return !filled.found && schema.fallback !== undefined ? { value: schema.fallback, found: false } : filled;
}

/** Fills a schema with output for a conversation. Throws {@link UnsupportedByOfflineModel} beyond its bounds. */
export function fillOutput(schema: unknown, name: string, conversation: Conversation): Json {
  return fillValue(schema, name, startFilling(conversation, "output", schema), 0).value;
}

/** Fills a tool's parameters; `missing` are the required ones the text does not speak for (they are filled all the same). */
export function fillParameters(
  schema: unknown,
  conversation: Conversation,
): { value: Json; missing: readonly string[] } {
  const filling = startFilling(conversation, "arguments", schema);
  const { value } = fillValue(
    { type: "object", ...(typeof schema === "object" ? schema : {}) },
    "arguments",
    filling,
    0,
  );
  return { value, missing: filling.missing };
}
