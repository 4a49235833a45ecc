import type { DescField, DescMessage } from "@bufbuild/protobuf";
import type { Descriptors } from "../descriptors.ts";
import { type RoutedMethod, routedMethods } from "../routes.ts";
import { version } from "../version.ts";
import { createSchemas, type Schemas } from "./openapi-schemas.ts";

let rendered: string | undefined;

/** OpenAPI 3.1 of every call that outside callers may make, from the contracts themselves. */
export function openApi(descriptors: Descriptors): string {
  rendered ??= JSON.stringify(render(descriptors));
  return rendered;
}

function render(descriptors: Descriptors): object {
  const schemas = createSchemas();
  const paths: Record<string, Record<string, object>> = {};
  for (const method of routedMethods) {
    if (!method.http) continue;
    const { verb, path } = method.http;
    const operations = paths[path] ?? {};
    operations[verb.toLowerCase()] = operation(method, path, descriptors, schemas);
    paths[path] = operations;
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "agentmesh",
      version,
      description: "Calls of the mesh over HTTP/JSON. Streams are Server-Sent Events.",
    },
    paths,
    components: {
      schemas: { ...schemas.all(), Error: errorSchema },
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        apiKey: { type: "apiKey", in: "header", name: "x-api-key" },
      },
    },
  };
}

function operation(method: RoutedMethod, path: string, descriptors: Descriptors, schemas: Schemas): object {
  const { input, output } = descriptors.method(method.path);
  const captures = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
  const rest = input.fields.filter((field) => !captures.includes(field.name));
  const hasBody = method.http?.verb === "POST" || method.http?.verb === "PUT";
  const reply = { schema: { $ref: schemas.refTo(output) } };
  return {
    operationId: `${method.service.replaceAll("-", "_")}_${method.name}`,
    tags: [method.service],
    summary: method.summary,
    ...(method.permission !== "" && { description: `Needs the permission ${method.permission}.` }),
    security: method.access === "PUBLIC" ? [] : [{ bearer: [] }, { apiKey: [] }],
    parameters: [
      ...captures.map((name) => ({ name, in: "path", required: true, schema: { type: "string" } })),
      ...(hasBody ? [] : rest.map((field) => queryParameter(field, schemas))),
      ...(method.idempotency === "EFFECT" ? [idempotencyKey] : []),
    ],
    ...(hasBody && { requestBody: method.http?.rawBody ? anyBody : requestBody(input, schemas) }),
    responses: {
      200: {
        description: method.serverStreaming ? "Server-Sent Events; the data of each is this" : "The reply",
        content: { [method.serverStreaming ? "text/event-stream" : "application/json"]: reply },
      },
      default: {
        description: "What went wrong",
        content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
      },
    },
  };
}

const anyBody = { description: "As the sender signed it", content: { "*/*": { schema: {} } } };

function queryParameter(field: DescField, schemas: Schemas): object {
  return { name: field.jsonName, in: "query", required: false, schema: schemas.ofField(field) };
}

function requestBody(input: DescMessage, schemas: Schemas): object {
  return { content: { "application/json": { schema: { $ref: schemas.refTo(input) } } } };
}

const idempotencyKey = {
  name: "idempotency-key",
  in: "header",
  required: false,
  description: "A repeat with the same key and request answers the first reply and has no second effect",
  schema: { type: "string", maxLength: 200 },
};

const errorSchema = {
  type: "object",
  properties: {
    error: {
      type: "object",
      properties: {
        code: { type: "string" },
        message: { type: "string" },
        reason: { type: "string" },
        field: { type: "string" },
        retryAfterMs: { type: "number" },
        requestId: { type: "string" },
      },
      required: ["code", "message", "requestId"],
    },
  },
  required: ["error"],
};
