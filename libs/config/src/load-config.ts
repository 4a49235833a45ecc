import { readFileSync } from "node:fs";
import { AppError } from "@agentmesh/errors";
import { LineCounter, parseAllDocuments } from "yaml";
import type { z } from "zod";
import { type Environment, interpolate } from "./interpolate.ts";

/**
 * Reads a YAML file, fills `${ENV}` in, and checks it against a schema.
 *
 * @param file the YAML file; AGENTMESH_CONFIG in the environment overrides it
 * @throws AppError INVALID_ARGUMENT that lists every wrong field with its value and what was expected
 */
export function loadConfig<T>(file: URL, schema: z.ZodType<T>, env: Environment): T {
  const path = env.AGENTMESH_CONFIG || file;
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `config: cannot read ${String(path)}; AGENTMESH_CONFIG must name a YAML file`,
      {
        cause: error,
      },
    );
  }
  const [document = {}] = parseYaml(text, String(path));
  return validate(schema, interpolate(document, env), "config");
}

// YAML aliases can expand exponentially ("billion laughs"); nothing we read needs more than a few.
const MAX_ALIASES = 100;

/**
 * All documents of a YAML text as plain values.
 *
 * @throws AppError INVALID_ARGUMENT with line and column
 */
export function parseYaml(text: string, name: string): unknown[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const values: unknown[] = [];
  for (const document of documents) {
    const [error] = document.errors;
    if (error) {
      const { line, col } = lines.linePos(error.pos[0]);
      throw new AppError("INVALID_ARGUMENT", `${name}:${line}:${col}: not valid YAML: ${error.message}`, {
        reason: "BAD_YAML",
      });
    }
    try {
      const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES });
      if (value !== null && value !== undefined) values.push(value);
    } catch (cause) {
      throw new AppError("INVALID_ARGUMENT", `${name}: not valid YAML: ${String(cause)}`, {
        reason: "BAD_YAML",
        cause,
      });
    }
  }
  return values;
}

const MAX_SHOWN_ISSUES = 10;

/**
 * A value checked against a zod schema.
 *
 * @param what what the value is, for the message: `config`, `Agent/classifier`
 * @throws AppError INVALID_ARGUMENT: one line an issue, each with path, value and what was expected; `field` is the
 *   first path
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issues = result.error.issues;
  const lines = issues
    .slice(0, MAX_SHOWN_ISSUES)
    .map((issue) => `${pathText(issue.path) || "(top)"}: ${explain(issue)}`);
  if (issues.length > MAX_SHOWN_ISSUES) lines.push(`… and ${issues.length - MAX_SHOWN_ISSUES} more`);
  throw new AppError("INVALID_ARGUMENT", `${what} is not valid: ${lines.join("; ")}`, {
    reason: "INVALID",
    field: pathText(issues[0]?.path ?? []),
  });
}

function explain(issue: z.core.$ZodIssue): string {
  if (issue.code === "unrecognized_keys") {
    return `unknown field ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}; remove it or check its spelling`;
  }
  const got = issue.input === undefined ? "nothing" : clip(JSON.stringify(issue.input) ?? String(issue.input));
  return `${issue.message} (got ${got})`;
}

function clip(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const key of path) text += typeof key === "number" ? `[${key}]` : text ? `.${String(key)}` : String(key);
  return text;
}
