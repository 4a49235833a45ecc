import { operationsOf } from "./openapi-document.ts";

export type ToolResource = {
  readonly kind: "Tool";
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
};

const EFFECTS = {
  GET: "read",
  PUT: "idempotent",
  DELETE: "idempotent",
  POST: "effectful",
  PATCH: "effectful",
} as const;

/**
 * A Tool resource for each operation of an OpenAPI document, ready to be applied. Names are the operation ids in
 * snake_case behind the prefix; effects are those of the HTTP methods.
 *
 * @throws AppError INVALID_ARGUMENT (BAD_OPENAPI)
 */
export function openapiTools(
  document: Readonly<Record<string, unknown>>,
  options: { prefix?: string; server?: string; headers?: Readonly<Record<string, string>> } = {},
): ToolResource[] {
  const { prefix = "", server, headers } = options;
  return operationsOf(document).map(({ operationId, method, summary }) => ({
    kind: "Tool",
    name: `${prefix}${toSnakeCase(operationId)}`.slice(0, 63),
    spec: {
      description: summary,
      effect: EFFECTS[method],
      source: { type: "openapi", document, operationId, ...(server && { server }), ...(headers && { headers }) },
    },
  }));
}

function toSnakeCase(text: string): string {
  return text
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/[^A-Za-z0-9]+/g, "_")
    .toLowerCase();
}
