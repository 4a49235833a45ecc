/** A JSON Schema, as far as it can be read without resolving anything. */
export type Schema = Readonly<Record<string, unknown>>;

/** Where a path into a value of a schema leads: somewhere known, nowhere, or nobody can say. */
export type Found =
  | { readonly kind: "schema"; readonly schema: Schema }
  | { readonly kind: "nowhere"; readonly why: string }
  | { readonly kind: "unknown" };

const UNKNOWN: Found = { kind: "unknown" };
const OPEN = ["$ref", "$dynamicRef", "anyOf", "oneOf", "allOf", "if", "not", "patternProperties", "prefixItems"];

/**
 * Follows a path into a schema.
 *
 * @param closed a property that an object does not declare is not there; otherwise only where additionalProperties is
 * false
 */
export function follow(schema: unknown, path: readonly string[], closed: boolean): Found {
  if (!isSchema(schema)) return UNKNOWN;
  const [member, ...rest] = path;
  if (OPEN.some((keyword) => keyword in schema)) return UNKNOWN;
  if (member === undefined) return { kind: "schema", schema };
  const types = typesOf(schema);
  if (/^\d+$/.test(member) && (types.includes("array") || "items" in schema)) return follow(schema.items, rest, closed);
  if (types.length > 0 && !types.includes("object")) {
    return { kind: "nowhere", why: `is ${types.join(" or ")}, which has no ${member}` };
  }
  const { properties, additionalProperties } = schema;
  if (isSchema(properties) && Object.hasOwn(properties, member)) return follow(properties[member], rest, closed);
  if (additionalProperties === false || (closed && additionalProperties === undefined && isSchema(properties))) {
    const names = isSchema(properties) ? Object.keys(properties).join(", ") : "";
    return { kind: "nowhere", why: `has no ${member}; it has ${names || "no members"}` };
  }
  return follow(additionalProperties, rest, closed);
}

export function typesOf(schema: Schema): readonly string[] {
  const { type } = schema;
  if (typeof type === "string") return [type];
  return Array.isArray(type) ? type.filter((one) => typeof one === "string") : [];
}

/** Whether a value of one schema can never be one of the other. Null is left out: any path may lead to nothing. */
export function neverFits(from: Schema, to: Schema): boolean {
  const given = typesOf(from).filter((type) => type !== "null");
  const wanted = typesOf(to);
  if (given.length === 0 || wanted.length === 0) return false;
  return !given.some((type) => wanted.includes(type) || (type === "integer" && wanted.includes("number")));
}

/** The type of a JSON value, as schemas name it. */
export function typeOfValue(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

export function isSchema(value: unknown): value is Schema {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
