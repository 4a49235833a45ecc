import { choicesOf } from "@agentmesh/mapping";
import { type Found, isSchema, neverFits, type Schema, typeOfValue, typesOf } from "./schema.ts";

/** Tells what is wrong: the field below the mapping, as `.query` or `[0]`, and the message. */
export type Complain = (field: string, message: string) => void;

/** Checks a mapping against what it is handed to. What only the run can show is left to it. */
export function checkArguments(
  mapping: unknown,
  schema: Schema,
  whose: string,
  find: (path: string) => Found,
  complain: Complain,
  field = "",
): void {
  const recur = (part: unknown, of: unknown, below: string) => {
    if (isSchema(of)) checkArguments(part, of, whose, find, complain, `${field}${below}`);
  };
  if (typeof mapping === "string" && mapping.startsWith("$.")) {
    const found = find(mapping);
    if (found.kind === "schema" && neverFits(found.schema, schema)) {
      complain(
        field,
        `${mapping} is ${typesOf(found.schema).join(" or ")}, and ${whose} wants ${typesOf(schema).join(" or ")}`,
      );
    }
    return;
  }
  if (mapping !== null && typeof mapping === "object" && !Array.isArray(mapping) && choicesOf(mapping)) return;
  if (neverFits({ type: typeOfValue(mapping) }, schema)) {
    complain(field, `it is ${typeOfValue(mapping)}, and ${whose} wants ${typesOf(schema).join(" or ")}`);
  } else if (Array.isArray(schema.enum) && typeof mapping !== "object" && !schema.enum.includes(literal(mapping))) {
    complain(field, `it is ${JSON.stringify(mapping)}, and ${whose} wants one of ${JSON.stringify(schema.enum)}`);
  } else if (Array.isArray(mapping)) {
    for (const [index, item] of mapping.entries()) recur(item, schema.items, `[${index}]`);
  } else if (isSchema(mapping)) checkMembers(mapping, schema, whose, complain, field, recur);
}

function literal(mapping: unknown): unknown {
  return typeof mapping === "string" && mapping.startsWith("$$.") ? mapping.slice(1) : mapping;
}

function checkMembers(
  mapping: Schema,
  schema: Schema,
  whose: string,
  complain: Complain,
  field: string,
  recur: (part: unknown, of: unknown, below: string) => void,
): void {
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  const missing = required.filter((name) => typeof name === "string" && !Object.hasOwn(mapping, name));
  if (missing.length > 0) complain(field, `${whose} needs ${missing.join(", ")}, which it does not give`);
  for (const [name, part] of Object.entries(mapping)) {
    if (Object.hasOwn(properties, name)) recur(part, properties[name], `.${name}`);
    else if (schema.additionalProperties === false && !("patternProperties" in schema)) {
      complain(
        `${field}.${name}`,
        `${whose} knows no ${name}; it takes ${Object.keys(properties).join(", ") || "nothing"}`,
      );
    }
  }
}
