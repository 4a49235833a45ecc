import { AppError } from "@agentmesh/errors";
import { z } from "zod";

/** The part of OpenAPI 3.0 and 3.1 that says how an operation is called. Everything else in a document is left alone. */
const parameter = z.object({
  name: z.string().min(1).max(128),
  in: z.enum(["path", "query", "header", "cookie"]),
  required: z.boolean().default(false),
  description: z.string().optional(),
  schema: z.record(z.string(), z.unknown()).default({}),
});
const body = z.object({
  required: z.boolean().default(false),
  content: z.record(z.string(), z.object({ schema: z.record(z.string(), z.unknown()).default({}) })),
});

export type Parameter = z.infer<typeof parameter>;
export type Operation = {
  readonly operationId: string;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With `{placeholders}`. */
  readonly path: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** Schema of a JSON body; undefined: it takes none. */
  readonly body: { readonly schema: Readonly<Record<string, unknown>>; readonly required: boolean } | undefined;
};

const methods = ["get", "post", "put", "patch", "delete"] as const;
const upperCase = { get: "GET", post: "POST", put: "PUT", patch: "PATCH", delete: "DELETE" } as const;
const MAX_REFERENCES = 2_000;
const MAX_DEPTH = 32;

/** All operations of a document that have an operationId. @throws AppError INVALID_ARGUMENT (BAD_OPENAPI) */
export function operationsOf(document: unknown): Operation[] {
  const resolve = createResolver(document);
  return declaredIn(document).map(({ operationId, method, path, item }) =>
    readOperation(operationId, method, path, item, resolve),
  );
}

/** @throws AppError INVALID_ARGUMENT (BAD_OPENAPI) when it has no such operation, or two */
export function operationOf(document: unknown, operationId: string): Operation {
  const resolve = createResolver(document);
  const found = declaredIn(document).filter((each) => each.operationId === operationId);
  const [only] = found;
  if (only && found.length === 1) return readOperation(operationId, only.method, only.path, only.item, resolve);
  throw badOpenapi(`has ${found.length === 0 ? "no" : "more than one"} operation ${JSON.stringify(operationId)}`);
}

type Declared = {
  readonly operationId: string;
  readonly method: (typeof methods)[number];
  readonly path: string;
  readonly item: Readonly<Record<string, unknown>>;
};

function declaredIn(document: unknown): Declared[] {
  return Object.entries(recordOf(recordOf(document).paths)).flatMap(([path, raw]) => {
    const item = recordOf(raw);
    return methods.flatMap((method): Declared[] => {
      const { operationId } = recordOf(item[method]);
      return typeof operationId === "string" ? [{ operationId, method, path, item }] : [];
    });
  });
}

/** The address in front of every path, without a slash at its end. @throws AppError INVALID_ARGUMENT (BAD_OPENAPI) */
export function serverOf(document: unknown, chosen: string | undefined): URL {
  const servers = recordOf(document).servers;
  const declared = Array.isArray(servers) ? String(recordOf(servers[0]).url ?? "") : "";
  const text = chosen ?? declared;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isUsable = url && /^https?:$/.test(url.protocol) && !text.includes("{") && url.search === "" && url.hash === "";
  if (url && isUsable && url.username === "" && url.password === "") return url;
  throw badOpenapi(
    `names the server ${JSON.stringify(text)}; give spec.source.server, a whole http(s) URL without variables`,
  );
}

type Resolve = (value: unknown) => unknown;

function readOperation(
  operationId: string,
  method: (typeof methods)[number],
  path: string,
  item: Readonly<Record<string, unknown>>,
  resolve: Resolve,
): Operation {
  const raw = recordOf(item[method]);
  const lists = [item.parameters, raw.parameters].flatMap((list) => (Array.isArray(list) ? list : []));
  const byName = new Map<string, Parameter>();
  for (const each of lists) {
    const read = parse(parameter, resolve(each), `${operationId}: a parameter`);
    // The operation's own come last and replace those of its path.
    byName.set(`${read.in}:${read.name}`, read);
  }
  const whole =
    raw.requestBody === undefined ? undefined : parse(body, resolve(raw.requestBody), `${operationId}: its body`);
  const json = Object.entries(whole?.content ?? {}).find(([type]) => /^application\/([\w.+-]+\+)?json\b/.test(type));
  if (whole?.required && !json) throw badOpenapi(`${operationId} needs a body that is not JSON`);
  return {
    operationId,
    method: upperCase[method],
    path,
    summary: String(raw.summary ?? raw.description ?? operationId),
    parameters: [...byName.values()],
    body: json && { schema: json[1].schema, required: whole?.required ?? false },
  };
}

/** Puts what `$ref` points at in its place; references leave the document for nowhere. */
function createResolver(document: unknown): Resolve {
  let references = 0;
  function resolve(value: unknown, depth: number): unknown {
    if (depth > MAX_DEPTH) throw badOpenapi(`is nested deeper than ${MAX_DEPTH}, or refers to itself`);
    if (Array.isArray(value)) return value.map((each) => resolve(each, depth + 1));
    if (value === null || typeof value !== "object") return value;
    const { $ref } = recordOf(value);
    if (typeof $ref === "string") {
      references += 1;
      if (references > MAX_REFERENCES) throw badOpenapi(`has more than ${MAX_REFERENCES} references`);
      return resolve(pointAt(document, $ref), depth + 1);
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, resolve(each, depth + 1)]));
  }
  return (value) => resolve(value, 0);
}

function pointAt(document: unknown, reference: string): unknown {
  if (!reference.startsWith("#/")) throw badOpenapi(`refers to ${JSON.stringify(reference)}, outside itself`);
  const found = reference
    .slice(2)
    .split("/")
    .map((key) => decodeURIComponent(key).replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce<unknown>(
      (value, key) => (Object.hasOwn(recordOf(value), key) ? recordOf(value)[key] : undefined),
      document,
    );
  if (found === undefined) throw badOpenapi(`refers to ${JSON.stringify(reference)}, which is not there`);
  return found;
}

function parse<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw badOpenapi(`${what}: ${z.prettifyError(parsed.error)}`);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? { ...value } : {};
}

export function badOpenapi(why: string): AppError {
  return new AppError("INVALID_ARGUMENT", `the OpenAPI document ${why}`, {
    reason: "BAD_OPENAPI",
    field: "spec.source.document",
  });
}
