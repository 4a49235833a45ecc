import { AppError } from "@agentmesh/errors";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";
import { Ajv as Ajv7 } from "ajv/dist/ajv.js";

export type JsonSchema = Readonly<Record<string, unknown>>;

/** A JSON Schema (2020-12 where its `$schema` does not say otherwise) that was checked and compiled once. */
export type CompiledSchema = {
  readonly schema: JsonSchema;
  /** What is wrong, one line an error; empty: the value satisfies the schema. */
  check(value: unknown): readonly string[];
};

const MAX_SCHEMA_CHARS = 64 * 1024;
const MAX_DEPTH = 32;
// A pattern runs on what models and users write; short ones leave little room for one that takes for ever.
const MAX_PATTERN_CHARS = 256;
const MAX_ERRORS = 10;

const formats: Readonly<Record<string, RegExp | ((text: string) => boolean)>> = {
  date: /^\d{4}-\d\d-\d\d$/,
  "date-time": (text) => /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) && !Number.isNaN(Date.parse(text)),
  time: /^\d\d:\d\d:\d\d/,
  email: /^[^\s@]{1,64}@[^\s@]{1,255}$/,
  uri: (text) => URL.canParse(text),
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i,
};

const options = {
  strict: true,
  strictTypes: false,
  strictRequired: false,
  strictTuples: false,
  allErrors: true,
  addUsedSchema: false,
  logger: false,
  formats,
} as const;

/** Dialects by what `$schema` says, without the fragment. One is made when it is first needed: each takes 5 ms. */
const dialects: Readonly<Record<string, () => Pick<Ajv2020, "compile" | "removeSchema">>> = {
  "https://json-schema.org/draft/2020-12/schema": once(() => new Ajv2020(options)),
  "https://json-schema.org/draft/2019-09/schema": once(() => new Ajv2019(options)),
  "http://json-schema.org/draft-07/schema": once(() => new Ajv7(options)),
};
const DEFAULT_DIALECT = "https://json-schema.org/draft/2020-12/schema";

/**
 * Compiles a schema in strict mode: unknown keywords and formats are errors, references reach no further than itself.
 *
 * @param path where it stands in the resource, for the message
 * @throws AppError INVALID_ARGUMENT (BAD_SCHEMA)
 */
export function compileSchema(schema: JsonSchema, path: string): CompiledSchema {
  assertBounds(schema, path);
  const ajv = dialectOf(schema, path);
  try {
    const validate = ajv.compile(schema);
    return { schema, check: (value) => (validate(value) ? [] : explain(validate.errors ?? [])) };
  } catch (cause) {
    throw badSchema(path, cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    // Compiled functions are kept by their owners; the instance must not grow with each version.
    ajv.removeSchema(schema);
  }
}

function dialectOf({ $schema = DEFAULT_DIALECT }: JsonSchema, path: string): Pick<Ajv2020, "compile" | "removeSchema"> {
  const name = String($schema).replace(/#$/, "");
  const dialect = Object.hasOwn(dialects, name) ? dialects[name] : undefined;
  if (dialect) return dialect();
  throw badSchema(path, `$schema ${name.slice(0, 100)} is none of ${Object.keys(dialects).join(", ")}`);
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function explain(errors: readonly ErrorObject[]): string[] {
  const lines = errors.slice(0, MAX_ERRORS).map(({ instancePath, message, params }) => {
    const allowed: unknown = Reflect.get(params, "allowedValues");
    const extra: unknown = Reflect.get(params, "additionalProperty");
    const detail = Array.isArray(allowed) ? `: ${allowed.slice(0, 20).join(", ")}` : extra ? `: ${String(extra)}` : "";
    return `${instancePath || "(top)"} ${message ?? "is not valid"}${detail}`;
  });
  return [...new Set(lines)];
}

function assertBounds(schema: JsonSchema, path: string): void {
  const size = JSON.stringify(schema).length;
  if (size > MAX_SCHEMA_CHARS) throw badSchema(path, `${size} characters; at most ${MAX_SCHEMA_CHARS}`);
  const pending: { value: unknown; depth: number }[] = [{ value: schema, depth: 0 }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { value, depth } = next;
    if (value === null || typeof value !== "object") continue;
    if (depth > MAX_DEPTH) throw badSchema(path, `nested deeper than ${MAX_DEPTH}`);
    for (const [key, member] of Object.entries(value)) {
      if (key === "pattern" && typeof member === "string" && member.length > MAX_PATTERN_CHARS) {
        throw badSchema(path, `a pattern of ${member.length} characters; at most ${MAX_PATTERN_CHARS}`);
      }
      pending.push({ value: member, depth: depth + 1 });
    }
  }
}

function badSchema(path: string, why: string, cause?: unknown): AppError {
  return new AppError("INVALID_ARGUMENT", `${path} is not a usable JSON Schema: ${why}`, {
    reason: "BAD_SCHEMA",
    field: path,
    cause,
  });
}
