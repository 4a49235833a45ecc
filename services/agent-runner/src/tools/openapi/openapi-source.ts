import type { JsonSchema } from "../../domain/json-schema.ts";
import type { Tool, ToolArguments } from "../../domain/tool.ts";
import type { ToolSource } from "../../domain/tool-spec.ts";
import { assertMayKnowCaller, type HttpCaller, type HttpEffect, sendHttp } from "../http-send.ts";
import { appendQueryArgument, encodePathArgument, headerArgument } from "../url-arguments.ts";
import { badOpenapi, type Operation, operationOf, serverOf } from "./openapi-document.ts";
import { plainSchema } from "./plain-schema.ts";

type OpenapiSource = Extract<ToolSource, { type: "openapi" }>;

/** The argument that is the whole body, where its schema is no object or shares a name with a parameter. */
const BODY = "body";

/**
 * An operation as a tool: its parameters and the properties of its JSON body are the arguments. Only the declared server
 * is called.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_OPENAPI, PRIVATE_NETWORK, IDENTITY_NOT_ALLOWED)
 */
export function compileOpenapiSource(
  source: OpenapiSource,
  http: HttpCaller,
  effect: HttpEffect,
): { parameters: JsonSchema; run: Tool["run"] } {
  const operation = operationOf(source.document, source.operationId);
  const server = serverOf(source.document, source.server);
  http.assertAllowed(server);
  assertMayKnowCaller(http, server, source.passIdentity);
  const { method } = operation;
  const { passIdentity } = source;
  const bodyNames = flatBodyNames(operation);
  return {
    parameters: argumentsOf(operation, bodyNames),
    run(args, context) {
      const url = urlOf(server, operation, args);
      const body = bodyOf(operation, bodyNames, args);
      const headers = headersOf(source, operation, args);
      return sendHttp(http, { method, url, headers, body, passIdentity, ...effect(method) }, context);
    },
  };
}

/** The arguments an operation takes, as a JSON Schema of an object. @throws AppError INVALID_ARGUMENT (BAD_OPENAPI) */
export function argumentsOf(operation: Operation, bodyNames = flatBodyNames(operation)): JsonSchema {
  const properties: Record<string, unknown> = {};
  const required: string[] = [];
  for (const { name, in: place, description, schema, required: isRequired } of operation.parameters) {
    if (place === "cookie") continue;
    if (Object.hasOwn(properties, name))
      throw badOpenapi(`gives ${operation.operationId} two parameters named ${name}`);
    properties[name] = { ...plainSchema(schema), ...(description !== undefined && { description }) };
    if (isRequired || place === "path") required.push(name);
  }
  const { body } = operation;
  if (body && bodyNames) {
    const schema = plainSchema(body.schema);
    Object.assign(properties, schema.properties);
    if (body.required && Array.isArray(schema.required)) required.push(...schema.required.map(String));
  } else if (body) {
    properties[BODY] = plainSchema(body.schema);
    if (body.required) required.push(BODY);
  }
  return { type: "object", properties, required, additionalProperties: false };
}

/** Names of the body's properties where they can be arguments themselves. */
function flatBodyNames({ body, parameters }: Operation): ReadonlySet<string> | undefined {
  const { type, properties } = body?.schema ?? {};
  if (type !== "object" || properties === null || typeof properties !== "object") return undefined;
  const names = Object.keys(properties);
  return parameters.some(({ name }) => names.includes(name)) ? undefined : new Set(names);
}

function urlOf(server: URL, { path, parameters }: Operation, args: ToolArguments): URL {
  const filled = path.replace(/\{([^{}/]{1,128})\}/g, (_, name: string) => encodePathArgument(name, args[name]));
  const url = new URL(server);
  url.pathname = `${server.pathname.replace(/\/$/, "")}${filled.startsWith("/") ? "" : "/"}${filled}`;
  for (const { name, in: place } of parameters) {
    if (place === "query" && args[name] !== undefined) appendQueryArgument(url.searchParams, name, args[name]);
  }
  return url;
}

function headersOf(source: OpenapiSource, { parameters }: Operation, args: ToolArguments): Record<string, string> {
  const given = parameters.flatMap(({ name, in: place }) =>
    place === "header" && args[name] !== undefined ? [[name, headerArgument(name, args[name])] as const] : [],
  );
  // What the declaration says stands above what a model says, however it is spelt.
  const declared = new Set(Object.keys(source.headers).map((name) => name.toLowerCase()));
  const free = given.filter(([name]) => !declared.has(name.toLowerCase()) && !RESERVED.test(name));
  return { ...Object.fromEntries(free), ...source.headers };
}

const RESERVED =
  /^(host|authorization|cookie|content-.*|accept|idempotency-key|x-mesh-.*|connection|transfer-encoding)$/i;

function bodyOf({ body }: Operation, names: ReadonlySet<string> | undefined, args: ToolArguments): unknown {
  if (!body) return undefined;
  if (!names) return args[BODY];
  const given = Object.entries(args).filter(([name]) => names.has(name));
  return given.length > 0 || body.required ? Object.fromEntries(given) : undefined;
}
