import { isRecord, type Json } from "./json.ts";
import { UnsupportedByOfflineModel } from "./unsupported.ts";

export type SchemaType = "object" | "array" | "string" | "number" | "integer" | "boolean" | "null";

/** One node of a JSON Schema, references resolved and keywords typed. Keywords not listed are not honoured. */
export type Schema = {
  /** Empty: any type. */
  readonly types: readonly SchemaType[];
  readonly description: string;
  /** The values of `enum` or `const`. */
  readonly values: readonly Json[] | undefined;
  /** The branches of `anyOf` or `oneOf`, each with the keywords beside it. */
  readonly branches: readonly unknown[];
  readonly properties: ReadonlyMap<string, unknown>;
  readonly required: ReadonlySet<string>;
  readonly items: unknown;
  readonly minItems: number;
  readonly maxItems: number;
  readonly uniqueItems: boolean;
  readonly minLength: number;
  readonly maxLength: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly exclusiveMinimum: number;
  readonly exclusiveMaximum: number;
  readonly multipleOf: number;
  readonly format: string;
  readonly pattern: string;
  readonly fallback: Json | undefined;
};

const TYPES: readonly SchemaType[] = ["object", "array", "string", "number", "integer", "boolean", "null"];
const MAX_REFERENCES = 16;

function isJson(value: unknown): value is Json {
  return value === null || typeof value !== "undefined";
}

function lookUp(root: unknown, reference: string): unknown {
  if (!reference.startsWith("#")) throw new UnsupportedByOfflineModel(`schema $ref ${reference}`, "use #/$defs/…");
  let node = root;
  for (const part of reference.slice(1).split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    node = isRecord(node) && Object.hasOwn(node, key) ? node[key] : undefined;
  }
  if (node === undefined) throw new UnsupportedByOfflineModel(`schema $ref ${reference}: nothing is there`);
  return node;
}

/** A node with its `$ref` and `allOf` folded in. */
function resolved(raw: unknown, root: unknown): Readonly<Record<string, unknown>> {
  let node = isRecord(raw) ? raw : {};
  for (let count = 0; typeof node.$ref === "string"; count += 1) {
    if (count >= MAX_REFERENCES) throw new UnsupportedByOfflineModel(`schema $ref ${node.$ref}: refers to itself`);
    const { $ref, ...rest } = node;
    const target = lookUp(root, $ref === undefined ? "#" : String($ref));
    node = isRecord(target) ? { ...target, ...rest } : rest;
  }
  if (!Array.isArray(node.allOf)) return node;
  const { allOf, ...rest } = node;
  const parts = Array.isArray(allOf) ? [...allOf, rest] : [rest];
  return parts.map((part) => (part === rest ? rest : resolved(part, root))).reduce(merged, {});
}

type Node = Readonly<Record<string, unknown>>;

function merged(left: Node, right: Node): Node {
  const required = [left.required, right.required].flatMap((names) => (Array.isArray(names) ? names : []));
  const properties = [left.properties, right.properties].flatMap((part) =>
    isRecord(part) ? Object.entries(part) : [],
  );
  return { ...left, ...right, required, properties: Object.fromEntries(properties) };
}

function numberOf(node: Node, key: string, fallback: number): number {
  const value = node[key];
  return typeof value === "number" ? value : fallback;
}

function stringOf(node: Node, key: string): string {
  const value = node[key];
  return typeof value === "string" ? value : "";
}

function typesOf(node: Node): SchemaType[] {
  const named = Array.isArray(node.type) ? node.type : [node.type];
  const types = TYPES.filter((type) => named.includes(type));
  if (types.length > 0) return types;
  if (isRecord(node.properties)) return ["object"];
  return node.items !== undefined ? ["array"] : [];
}

function valuesOf(node: Node): Json[] | undefined {
  if (Object.hasOwn(node, "const")) return isJson(node.const) ? [node.const] : undefined;
  return Array.isArray(node.enum) && node.enum.length > 0 ? node.enum.filter(isJson) : undefined;
}

/** Reads one node of a schema; `root` is where its references point. */
export function readSchema(raw: unknown, root: unknown): Schema {
  const node = resolved(raw, root);
  const { anyOf, oneOf, ...rest } = node;
  const branches = anyOf ?? oneOf;
  const required = node.required;
  const fallback = node.default;
  return {
    types: typesOf(node),
    description: [stringOf(node, "title"), stringOf(node, "description")].filter((text) => text !== "").join(". "),
    values: valuesOf(node),
    branches: Array.isArray(branches) ? branches.map((branch) => ({ allOf: [rest, branch] })) : [],
    properties: new Map(isRecord(node.properties) ? Object.entries(node.properties) : []),
    required: new Set(Array.isArray(required) ? required.filter((name) => typeof name === "string") : []),
    items: node.items,
    minItems: numberOf(node, "minItems", 0),
    maxItems: numberOf(node, "maxItems", Number.POSITIVE_INFINITY),
    uniqueItems: node.uniqueItems === true,
    minLength: numberOf(node, "minLength", 0),
    maxLength: numberOf(node, "maxLength", Number.POSITIVE_INFINITY),
    minimum: numberOf(node, "minimum", Number.NEGATIVE_INFINITY),
    maximum: numberOf(node, "maximum", Number.POSITIVE_INFINITY),
    exclusiveMinimum: numberOf(node, "exclusiveMinimum", Number.NEGATIVE_INFINITY),
    exclusiveMaximum: numberOf(node, "exclusiveMaximum", Number.POSITIVE_INFINITY),
    multipleOf: numberOf(node, "multipleOf", 0),
    format: stringOf(node, "format"),
    pattern: stringOf(node, "pattern"),
    fallback: fallback !== undefined && isJson(fallback) ? fallback : undefined,
  };
}
