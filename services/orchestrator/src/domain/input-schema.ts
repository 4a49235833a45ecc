import { AppError, describeError } from "@agentmesh/errors";
import { Ajv2020, type ErrorObject } from "ajv/dist/2020.js";

/** Says what is wrong with a value, or undefined when nothing is. */
export type InputCheck = (value: unknown) => string | undefined;

/**
 * Compiles a JSON Schema. Formats are taken as notes, and nothing is loaded from elsewhere.
 *
 * @throws AppError INVALID_ARGUMENT when it is not a schema
 */
export function compileInputSchema(schema: Readonly<Record<string, unknown>>): InputCheck {
  // One instance a schema: an $id used by two workflows would otherwise clash.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, addUsedSchema: false });
  try {
    const validate = ajv.compile(withoutDraft(schema));
    return (value) => (validate(value) ? undefined : explain(validate.errors?.[0]));
  } catch (cause) {
    throw new AppError("INVALID_ARGUMENT", `input: not a JSON Schema (2020-12): ${describeError(cause)}`, {
      reason: "BAD_SCHEMA",
      field: "input",
      cause,
    });
  }
}

/** Older drafts differ in nothing that inputs of workflows use, and ajv would look for their meta-schema. */
function withoutDraft({ $schema: _, ...schema }: Readonly<Record<string, unknown>>): object {
  return schema;
}

function explain(error: ErrorObject | undefined): string {
  if (!error) return "it does not satisfy the schema";
  const at = `input${error.instancePath.replaceAll("/", ".")}`;
  const extra = error.keyword === "additionalProperties" ? ` (${JSON.stringify(error.params.additionalProperty)})` : "";
  const allowed = error.keyword === "enum" ? ` (${JSON.stringify(error.params.allowedValues)})` : "";
  return `${at} ${error.message ?? "is wrong"}${extra}${allowed}`;
}
