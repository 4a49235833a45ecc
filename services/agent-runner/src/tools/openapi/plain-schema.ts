import type { JsonSchema } from "../../domain/json-schema.ts";

/** Formats that the schema compiler knows; OpenAPI's others (int32, double, password, …) say nothing it could check. */
const formats: ReadonlySet<unknown> = new Set(["date", "date-time", "time", "email", "uri", "uuid"]);
const foreign: ReadonlySet<string> = new Set([
  "example",
  "xml",
  "externalDocs",
  "discriminator",
  "nullable",
  "readOnly",
  "writeOnly",
  "deprecated",
]);
const nested: ReadonlySet<string> = new Set(["items", "additionalProperties", "not"]);
const lists: ReadonlySet<string> = new Set(["allOf", "anyOf", "oneOf"]);

/** A schema of OpenAPI 3.0 or 3.1 as plain JSON Schema (2020-12). `$ref`s were put in place before. */
export function plainSchema(schema: Readonly<Record<string, unknown>>): JsonSchema {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(schema)) {
    if (foreign.has(key) || key.startsWith("x-") || (key === "format" && !formats.has(value))) continue;
    if (key === "properties" && isRecord(value)) {
      plain[key] = Object.fromEntries(Object.entries(value).map(([name, each]) => [name, sub(each)]));
    } else if (nested.has(key)) plain[key] = sub(value);
    else if (lists.has(key) && Array.isArray(value)) plain[key] = value.map(sub);
    else plain[key] = value;
  }
  exclusiveOf(schema, plain, "minimum", "exclusiveMinimum");
  exclusiveOf(schema, plain, "maximum", "exclusiveMaximum");
  return schema.nullable === true ? allowNull(plain) : plain;
}

/** OpenAPI 3.0 writes `exclusiveMinimum: true` beside `minimum`. */
function exclusiveOf(schema: JsonSchema, plain: Record<string, unknown>, bound: string, exclusive: string): void {
  if (typeof schema[exclusive] !== "boolean") return;
  delete plain[exclusive];
  if (schema[exclusive] !== true) return;
  plain[exclusive] = schema[bound];
  delete plain[bound];
}

function allowNull(schema: Record<string, unknown>): JsonSchema {
  const { type, enum: values } = schema;
  if (typeof type !== "string") return { anyOf: [schema, { type: "null" }] };
  return { ...schema, type: [type, "null"], ...(Array.isArray(values) && { enum: [...values, null] }) };
}

function sub(value: unknown): unknown {
  return isRecord(value) ? plainSchema(value) : value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
