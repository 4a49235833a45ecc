import { AppError } from "@agentmesh/errors";
import { indexDocuments } from "../domain/bm25.ts";
import { type EffectsSpec, effectsOf, keyPlaceOf } from "../domain/effects-spec.ts";
import { compileSchema, type JsonSchema } from "../domain/json-schema.ts";
import type { Tool, ToolArguments } from "../domain/tool.ts";
import type { ToolSource, ToolSpec } from "../domain/tool-spec.ts";
import { onceOnly } from "../effects/once-only.ts";
import type { Effects } from "../effects/open-effects.ts";
import { compileAgentSource } from "./agent-source.ts";
import { callWithin } from "./call-within.ts";
import type { Functions } from "./functions/define-function.ts";
import type { HttpCaller, HttpEffect } from "./http-send.ts";
import { compileHttpSource } from "./http-source.ts";
import { compileMcpSource } from "./mcp/mcp-source.ts";
import type { McpSessions } from "./mcp/open-mcp-sessions.ts";
import { compileOpenapiSource } from "./openapi/openapi-source.ts";

type Run = Tool["run"];

/** What tools reach the world through. Nothing else of a declaration opens files, processes or connections. */
export type ToolPorts = {
  readonly http: HttpCaller;
  readonly mcp: McpSessions;
  readonly functions: Functions;
  readonly effects: Effects;
};

/** A source made ready: how it is called, the parameters it brings, whether its answers change by themselves. */
type Compiled = { readonly run: Run; readonly parameters?: JsonSchema; readonly isVolatile?: boolean };

/**
 * A tool from its declaration: schema compiled, index built, URL taken apart, all once for this version.
 *
 * @throws AppError INVALID_ARGUMENT naming the path
 */
export function makeTool(row: { name: string; version: number }, spec: ToolSpec, ports: ToolPorts): Tool {
  const { name, version } = row;
  const { description, effect, permission, source } = spec;
  const effects = effectsOf(spec);
  const compiled = compile(source, spec, name, ports, effects);
  const { isVolatile = false, parameters: own = { type: "object" } } = compiled;
  const run = effects ? onceOnly({ name, ...spec, effects }, compiled.run, ports.effects) : compiled.run;
  const parameters = spec.parameters ?? own;
  if (parameters.type !== "object") {
    throw new AppError("INVALID_ARGUMENT", `Tool/${name}: spec.parameters.type must be "object"`, {
      reason: "BAD_SCHEMA",
      field: "spec.parameters.type",
    });
  }
  const passesIdentity = "passIdentity" in source && source.passIdentity;
  return {
    name,
    version,
    effect,
    permission,
    // Kept answers are shared by a tenant: one that hangs on who asked is not kept.
    isVolatile: isVolatile || permission !== "" || passesIdentity,
    // Who asks whether an effect is there may need a permission of its own.
    needsCaller: permission !== "" || source.type === "agent" || effects?.mode === "verify",
    isAgent: source.type === "agent",
    declaration: { type: "function", function: { name, description, parameters } },
    parameters: compileSchema(parameters, "spec.parameters"),
    run,
  };
}

function compile(
  source: ToolSource,
  spec: ToolSpec,
  name: string,
  ports: ToolPorts,
  effects: EffectsSpec | undefined,
): Compiled {
  switch (source.type) {
    case "documents": {
      const index = indexDocuments(source.documents);
      return { run: (args) => index.search(String(args.query ?? ""), source.top) };
    }
    case "table": {
      const rows = new Map(source.rows.map((row) => [String(row[source.key]), row]));
      return { run: (args) => lookUp(rows, args, source.key) };
    }
    case "http":
      return { run: callWithin(spec, name, compileHttpSource(source, ports.http, httpEffect(effects))) };
    case "openapi": {
      const { run, parameters } = compileOpenapiSource(source, ports.http, httpEffect(effects));
      return { run: callWithin(spec, name, run), parameters };
    }
    case "function":
      return compileFunction(source.name, spec, name, ports.functions);
    case "agent":
      return { run: callWithin(spec, name, compileAgentSource(source.agent)), isVolatile: true };
    case "mcp":
      return { run: callWithin(spec, name, compileMcpSource(source, ports.mcp, ports.http, effects)) };
    case "identity":
      return { run: (args) => args };
    default:
      return source satisfies never;
  }
}

function compileFunction(wanted: string, spec: ToolSpec, name: string, functions: Functions): Compiled {
  const found = functions.get(wanted);
  if (!found) {
    throw new AppError(
      "INVALID_ARGUMENT",
      `Tool/${name}: there is no function ${JSON.stringify(wanted)}; there are ${[...functions.keys()].join(", ")}`,
      { reason: "UNKNOWN_FUNCTION", field: "spec.source.name" },
    );
  }
  const { call, parameters, isVolatile } = found;
  async function run(...[args, context]: Parameters<Run>): Promise<unknown> {
    if (spec.effect === "effectful") context.assertMayAct?.();
    return call(args, context);
  }
  return { run: callWithin(spec, name, run), parameters, isVolatile };
}

/** Without effects to have once, the key goes wherever something may change. */
function httpEffect(effects: EffectsSpec | undefined): HttpEffect {
  const key = keyPlaceOf(effects);
  return (method) => ({
    key: effects?.mode === "keyed" || method !== "GET" ? key : undefined,
    isEffect: effects !== undefined,
  });
}

function lookUp(rows: ReadonlyMap<string, unknown>, args: ToolArguments, key: string) {
  const row = rows.get(String(args[key]));
  return row === undefined ? { found: false } : { found: true, row };
}
