import { AppError } from "@agentmesh/errors";
import { indexDocuments } from "../domain/bm25.ts";
import { compileSchema } from "../domain/json-schema.ts";
import type { Tool, ToolArguments } from "../domain/tool.ts";
import type { ToolSource, ToolSpec } from "../domain/tool-spec.ts";
import { compileHttpSource, type HttpCaller } from "./http-source.ts";

type Run = Tool["run"];

/**
 * A tool from its declaration: schema compiled, index built, URL taken apart, all once for this version.
 *
 * @throws AppError INVALID_ARGUMENT naming the path
 */
export function makeTool(row: { name: string; version: number }, spec: ToolSpec, http: HttpCaller): Tool {
  const { name, version } = row;
  const { description, effect, parameters } = spec;
  if (parameters.type !== "object") {
    throw new AppError("INVALID_ARGUMENT", `Tool/${name}: spec.parameters.type must be "object"`, {
      reason: "BAD_SCHEMA",
      field: "spec.parameters.type",
    });
  }
  return {
    name,
    version,
    effect,
    declaration: { type: "function", function: { name, description, parameters } },
    parameters: compileSchema(parameters, "spec.parameters"),
    run: runnerOf(spec.source, spec, http),
  };
}

function runnerOf(source: ToolSource, spec: ToolSpec, http: HttpCaller): Run {
  switch (source.type) {
    case "documents": {
      const index = indexDocuments(source.documents);
      return (args) => index.search(String(args.query ?? ""), source.top);
    }
    case "table": {
      const rows = new Map(source.rows.map((row) => [String(row[source.key]), row]));
      return (args) => lookUp(rows, args, source.key);
    }
    case "http": {
      const call = compileHttpSource(source, spec.timeoutMs, http);
      return (args, context) => call(args, context);
    }
    case "identity":
      return (args) => args;
    default:
      return source satisfies never;
  }
}

function lookUp(rows: ReadonlyMap<string, unknown>, args: ToolArguments, key: string) {
  const row = rows.get(String(args[key]));
  return row === undefined ? { found: false } : { found: true, row };
}
